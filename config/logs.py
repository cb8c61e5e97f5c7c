"""What must not reach a log: the secrets by which phones report, which some apps put in the URL."""

from __future__ import annotations

import logging
import re

# Names under which phone apps and pages send a secret in a query string or a form.
_SECRET = re.compile(
    r"(?P<name>\b(?:id|deviceid|device_id|user|username|u|password|secret|token|access_token|key|tid)"
    r"=)[^&\s\"']+",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(?P<name>\b(?:Bearer|Basic)\s+)[\w.~+/=-]+", re.IGNORECASE)
_PHONE_PATH = re.compile(r"(?P<path>/phone/\S*?)\?\S*")


def without_secrets(text: str) -> str:
    """The text with every secret replaced by three dots."""
    text = _PHONE_PATH.sub(r"\g<path>?…", text)
    text = _SECRET.sub(r"\g<name>…", text)
    return _BEARER.sub(r"\g<name>…", text)


class WithoutSecrets(logging.Filter):
    """Cleans each record's message before it is written."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        clean = without_secrets(said)
        if clean != said:
            record.msg, record.args = clean, None
        return True
