"""Lines of a source → blocks: junctions, stubs, ids, names. Worked by hand on tiny networks."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest
import shapely

from geo.plane import Plane
from geo.streets.blocks import Line, Network, Place, Segment, build
from geo.streets.kinds import Wanted, street_of
from geo.streets.linework import Crossings, Feature, share_nodes
from geo.streets.succession import keep_ids

TOWN = Plane(116.40, 39.92)


def at(x_m: float, y_m: float) -> Place:
    """Lon, lat of metres east and north of the town's middle."""
    lon, lat = TOWN.to_degrees(x_m, y_m)
    return (round(float(lon), 7), round(float(lat), 7))


def places(**metres: tuple[float, float]) -> dict[int, Place]:
    """Nodes by number: n1=(x, y) is node 1."""
    return {int(name[1:]): at(*xy) for name, xy in metres.items()}


def line(ref: str, *nodes: int, kind: str = "residential", name: str = "") -> Line:
    return Line(ref, nodes, kind, name=name)


def ids(network: Network) -> list[str]:
    return [segment.external_id for segment in network.segments]


def lengths(network: Network) -> dict[str, float]:
    return {segment.external_id: segment.length_m for segment in network.segments}


CROSS = places(n1=(-100, 0), n2=(0, 0), n3=(100, 0), n4=(0, 200), n5=(0, -50))


def test_lines_are_split_where_they_cross_at_a_node() -> None:
    network = build([line("a", 1, 2, 3), line("b", 4, 2, 5)], CROSS)
    assert lengths(network) == pytest.approx(
        {"1-2": 100.0, "2-3": 100.0, "2-4": 200.0, "2-5": 50.0}, abs=0.05
    )


def test_segments_that_meet_share_the_coordinate_exactly() -> None:
    network = build([line("a", 1, 2, 3), line("b", 4, 2, 5)], CROSS)
    ends = [c for s in network.segments for c in (s.coordinates[0], s.coordinates[-1])]
    assert ends.count(CROSS[2]) == 4


def test_a_node_where_two_lines_meet_is_no_junction() -> None:
    network = build([line("a", 1, 2, name="East Road"), line("b", 2, 3)], CROSS)
    (segment,) = network.segments
    assert segment.external_id == "1-3"
    assert segment.length_m == pytest.approx(200, abs=0.05)
    assert segment.name == "East Road"
    assert len(segment.coordinates) == 3


def test_a_dead_end_under_25_m_is_dropped_and_the_street_joined_again() -> None:
    nodes = places(n1=(-100, 0), n2=(0, 0), n3=(100, 0), n4=(0, 24))
    network = build([line("a", 1, 2, 3), line("b", 2, 4)], nodes)
    assert ids(network) == ["1-3"]
    assert network.dropped_stubs == 1


def test_a_dead_end_of_25_m_stays() -> None:
    nodes = places(n1=(-100, 0), n2=(0, 0), n3=(100, 0), n4=(0, 26))
    network = build([line("a", 1, 2, 3), line("b", 2, 4)], nodes)
    assert ids(network) == ["1-2", "2-3", "2-4"]


def test_a_crossing_of_dual_carriageways_becomes_one_junction() -> None:
    """Two carriageways 20 m apart cross two others: four nodes close up, eight arms stay."""
    nodes = places(
        n1=(-10, -10), n2=(10, -10), n3=(10, 10), n4=(-10, 10),
        n11=(-200, -10), n12=(200, -10), n13=(200, 10), n14=(-200, 10),
        n21=(-10, -200), n22=(10, -200), n23=(10, 200), n24=(-10, 200),
    )  # fmt: skip
    network = build(
        [
            line("south", 11, 1, 2, 12),
            line("north", 13, 3, 4, 14),
            line("west", 24, 4, 1, 21),
            line("east", 22, 2, 3, 23),
        ],
        nodes,
    )
    assert len(network.segments) == 8
    assert {segment.coordinates[0] for segment in network.segments} == {at(0, 0)}
    # Three links close the four nodes; the fourth is then a loop of one point.
    assert network.closed_links + network.dropped_stubs == 4
    assert all(189 < segment.length_m < 202 for segment in network.segments)
    assert network.largest_component_share() == 1.0


def test_a_row_of_short_links_does_not_close_up_into_one_junction() -> None:
    """Side streets every 20 m: closing all of them would make a 200 m street a point."""
    nodes = {i: at(20 * i, 0) for i in range(11)} | {100 + i: at(20 * i, 90) for i in range(11)}
    lines = [line("main", *range(11))] + [line(f"s{i}", i, 100 + i) for i in range(11)]
    network = build(lines, nodes)
    kept = [s for s in network.segments if s.coordinates[0][1] == s.coordinates[-1][1] != 0]
    west = min(c[0] for s in network.segments for c in s.coordinates if c[1] < at(0, 20)[1])
    east = max(c[0] for s in network.segments for c in s.coordinates if c[1] < at(0, 20)[1])
    assert kept
    assert east - west > at(150, 0)[0] - at(0, 0)[0]
    assert network.largest_component_share() == 1.0


def test_a_ring_without_a_junction_is_one_segment() -> None:
    nodes = places(n1=(0, 0), n2=(100, 0), n3=(100, 100), n4=(0, 100))
    (segment,) = build([line("ring", 1, 2, 3, 4, 1)], nodes).segments
    assert segment.coordinates[0] == segment.coordinates[-1]
    assert segment.length_m == pytest.approx(400, abs=0.1)


def test_a_line_drawn_twice_counts_once() -> None:
    network = build([line("a", 1, 2, 3), line("b", 3, 2, 1)], CROSS)
    assert ids(network) == ["1-3"]
    assert network.duplicate_pieces == 2  # 1-2 and 2-3 came twice


def test_two_streets_between_the_same_junctions_have_two_ids() -> None:
    nodes = places(n1=(0, 0), n2=(100, 0), n3=(50, 60), n8=(-90, 0), n9=(190, 0))
    network = build([line("a", 1, 2), line("b", 1, 3, 2), line("c", 8, 1), line("d", 2, 9)], nodes)
    assert ids(network) == ["1-2", "1-2~2", "1-8", "2-9"]
    assert lengths(network)["1-2"] < lengths(network)["1-2~2"]


def test_carriageways_that_no_phone_can_tell_apart_become_one() -> None:
    """11 m apart at most, then 13 m: the second pair stays two."""

    def pair(apart_m: float) -> Network:
        nodes = places(n1=(0, 0), n2=(200, 0), n3=(100, apart_m), n8=(-90, 0), n9=(290, 0))
        nodes |= places(n6=(0, 90), n7=(200, 90))
        return build(
            [
                line("a", 1, 2, name="East Road"),
                line("b", 1, 3, 2, name="East Road"),
                line("c", 8, 1, 6),
                line("d", 7, 2, 9),
            ],
            nodes,
        )

    near = pair(11)
    assert ids(near) == ["1-2", "1-6", "1-8", "2-7", "2-9"]
    assert near.joined_parallels == 1
    assert lengths(near)["1-2"] == pytest.approx(200, abs=0.05)
    assert ids(pair(13)) == ["1-2", "1-2~2", "1-6", "1-8", "2-7", "2-9"]


def test_the_name_of_most_of_a_block_wins_and_a_second_is_shown() -> None:
    nodes = places(n1=(0, 0), n2=(120, 0), n3=(180, 0), n4=(190, 0))
    (segment,) = build(
        [
            line("a", 1, 2, name="长安街", kind="primary"),
            line("b", 2, 3, name="建国路"),
            line("c", 3, 4, name="桥"),
        ],
        nodes,
    ).segments
    assert segment.name == "长安街 / 建国路"
    assert segment.kind == "primary"


def test_order_and_direction_of_lines_do_not_matter() -> None:
    rng = random.Random(3)
    nodes = {i: at(rng.uniform(0, 900), rng.uniform(0, 900)) for i in range(60)}
    lines = [
        line(f"w{i:02d}", *rng.sample(range(60), rng.randint(2, 5)), name=f"S{i % 7}")
        for i in range(40)
    ]
    wanted = build(lines, nodes).segments
    for _ in range(5):
        rng.shuffle(lines)
        turned = [
            Line(x.ref, x.nodes[::-1], x.kind, x.is_footway, x.name) if rng.random() < 0.5 else x
            for x in lines
        ]
        assert build(turned, nodes).segments == wanted


@pytest.mark.parametrize("seed", range(8))
def test_on_any_network_blocks_end_at_junctions_and_connections_stay(seed: int) -> None:
    """Random streets: no node joins exactly two blocks, and what hung together still does."""
    rng = random.Random(seed)
    nodes = {i: at(rng.uniform(0, 700), rng.uniform(0, 700)) for i in range(50)}
    lines = [line(f"w{i:02d}", *rng.sample(range(50), rng.randint(2, 4))) for i in range(45)]
    network = build(lines, nodes)
    ends = [s.external_id.split("~")[0].split("-") for s in network.segments]
    loops = {a for a, b in ends if a == b}
    degree = Counter(node for pair in ends for node in pair)
    assert [n for n, count in degree.items() if count == 2 and n not in loops] == []
    before = pieces_of([tuple(map(str, pair)) for one in lines for pair in pairwise(one.nodes)])
    after = pieces_of([(a, b) for a, b in ends])
    # Each piece of the result lies in one piece of the source, and no two in the same one.
    sources = [next(i for i, piece in enumerate(before) if part <= piece) for part in after]
    assert len(set(sources)) == len(sources)
    for segment in network.segments:
        assert segment.length_m > 0
        assert len(segment.coordinates) > 1


def pieces_of(edges: list[tuple[str, ...]]) -> list[set[str]]:
    """The connected pieces of a network, each as its nodes."""
    pieces: list[set[str]] = []
    for edge in edges:
        touched = [piece for piece in pieces if piece & set(edge)]
        pieces = [piece for piece in pieces if piece not in touched]
        pieces.append(set(edge).union(*touched))
    return pieces


def test_nothing_in_nothing_out() -> None:
    assert build([], {}).segments == []
    assert build([line("a", 1)], CROSS).segments == []
    assert build([line("a", 1, 1)], CROSS).segments == []


# Which lines are streets


@pytest.mark.parametrize(
    ("tags", "plain", "with_footways"),
    [
        ({"highway": "residential"}, True, True),
        ({"highway": "service"}, False, False),
        ({"highway": "service", "service": "alley"}, True, True),
        ({"highway": "footway"}, False, True),
        ({"highway": "footway", "footway": "sidewalk"}, False, True),
        ({"highway": "motorway"}, False, False),
        ({"highway": "construction"}, False, False),
        ({"highway": "pedestrian"}, True, True),
        ({"highway": "pedestrian", "area": "yes"}, False, False),
        ({"highway": "residential", "access": "private"}, False, False),
        ({"highway": "residential", "access": "no", "foot": "yes"}, True, True),
        ({"building": "yes"}, False, False),
    ],
)
def test_which_lines_are_taken(tags: dict[str, str], plain: bool, with_footways: bool) -> None:
    assert (street_of(tags, Wanted()) is not None) == plain
    assert (street_of(tags, Wanted(footways=True)) is not None) == with_footways


def test_names_fall_back_from_the_sign_to_chinese_to_english() -> None:
    def name(**tags: str) -> str:
        street = street_of(
            {"highway": "road"} | {k.replace("_", ":"): tags[k] for k in tags}, Wanted()
        )
        assert street is not None
        return street.name

    assert name(name="滨海湾", name_en="Bayfront") == "滨海湾"
    assert name(name_zh="滨海湾", name_en="Bayfront") == "滨海湾"
    assert name(name_en="Bayfront") == "Bayfront"
    assert name() == ""


# Line features without node ids


def feature(ref: str, *metres: tuple[float, float], off_ground: bool = False) -> Feature:
    return Feature(ref, tuple(at(*m) for m in metres), "street", off_ground=off_ground)


def built(*features: Feature, crossings: Crossings = Crossings.AUTO) -> Network:
    work = share_nodes(features, crossings=crossings)
    return build(work.lines, work.places)


def test_ends_that_nearly_meet_are_joined() -> None:
    network = built(
        feature("a", (-100, 0), (0, 0)),
        feature("b", (0.3, 0.2), (100, 0)),
        feature("c", (0.1, -0.2), (0, 100)),
    )
    assert len(network.segments) == 3
    assert network.largest_component_share() == 1.0


def test_ends_a_metre_apart_are_not() -> None:
    network = built(feature("a", (-100, 0), (0, 0)), feature("b", (1, 0), (100, 0)))
    assert len(network.segments) == 2


def test_a_side_street_that_touches_between_vertices_makes_a_junction() -> None:
    network = built(feature("a", (-100, 0), (100, 0)), feature("b", (20, 0.3), (20, 100)))
    assert sorted(round(s.length_m) for s in network.segments) == [80, 100, 120]


def test_a_layer_that_was_never_cut_is_joined_where_lines_cross() -> None:
    network = built(feature("a", (-100, 0), (100, 0)), feature("b", (0, -100), (0, 100)))
    assert sorted(round(s.length_m) for s in network.segments) == [100] * 4


def test_a_bridge_is_not_joined_to_what_it_crosses() -> None:
    network = built(
        feature("a", (-100, 0), (100, 0)), feature("b", (0, -100), (0, 100), off_ground=True)
    )
    assert len(network.segments) == 2


def test_a_layer_that_was_cut_keeps_its_crossings_apart() -> None:
    """Four streets that share junctions, and one line over them without a vertex: a flyover."""
    square = [
        feature("a", (0, 0), (100, 0)),
        feature("b", (100, 0), (100, 100)),
        feature("c", (100, 100), (0, 100)),
        feature("d", (0, 100), (0, 0)),
        feature("e", (0, 0), (-80, 0)),
        feature("f", (100, 0), (180, 0)),
    ]
    over = feature("g", (50, -90), (50, 50))
    assert len(built(*square, over).segments) == 5
    assert len(built(*square, over, crossings=Crossings.JOIN).segments) == 7
    assert share_nodes([*square, over]).kept_crossings == 1


def test_same_rows_in_another_order_give_the_same_ids() -> None:
    rows = [
        feature("a", (-100, 0), (0, 0)),
        feature("b", (0.3, 0.2), (100, 0)),
        feature("c", (0.1, -0.2), (0, 100)),
    ]
    assert ids(built(*rows)) == ids(built(*rows[::-1]))


# The same street in the next import


def test_a_street_keeps_its_id_when_its_junction_was_redrawn() -> None:
    before = build([line("a", 1, 2, 3), line("b", 4, 2, 5)], CROSS).segments
    old = {s.external_id: s.coordinates for s in before}
    redrawn = dict(CROSS) | {77: at(1, 2)}
    after = build([line("a", 1, 77, 3), line("b", 4, 77, 5)], redrawn).segments
    assert {s.external_id for s in after} == {"1-77", "3-77", "4-77", "5-77"}
    kept = keep_ids(after, old)
    assert {s.external_id for s in kept} == set(old)
    for segment in kept:
        assert (
            shapely.LineString(segment.coordinates).distance(
                shapely.LineString(old[segment.external_id])
            )
            < 1e-4
        )


def test_a_block_that_was_cut_in_two_gets_new_ids() -> None:
    before = build([line("a", 1, 2), line("b", 2, 3)], CROSS).segments
    nodes = dict(CROSS) | {6: at(0, 80)}
    after = build([line("a", 1, 2, 3), line("b", 2, 6)], nodes).segments
    kept = keep_ids(after, {s.external_id: s.coordinates for s in before})
    assert {s.external_id for s in kept} == {"1-2", "2-3", "2-6"}


def test_a_street_12_m_beside_is_another_street() -> None:
    old = {"old": (at(0, 0), at(100, 0))}
    near = Segment("new", (at(100, 11), at(0, 11)), 100, "street", False, "", "")
    far = Segment("new", (at(0, 13), at(100, 13)), 100, "street", False, "", "")
    assert keep_ids([near], old)[0].external_id == "old"
    assert keep_ids([far], old)[0].external_id == "new"
