"""The storage SQL: positions, their weekly partitions, and the rows that are written beside them.

Hand-written SQL for storing stands here and nowhere else. Imports no model: the first migrations
take `CREATE_POSITION_SQL` from here.
"""

from patrols.storage.partitions import (
    CREATE_POSITION_SQL,
    DROP_POSITION_SQL,
    list_partitions,
    make_partitions,
    partition_name,
    week_start,
)

__all__ = [
    "CREATE_POSITION_SQL",
    "DROP_POSITION_SQL",
    "list_partitions",
    "make_partitions",
    "partition_name",
    "week_start",
]
