"""What may be sent: JSON, of text that can be written back."""

import json
import re
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # as json.dumps writes it, not « \\\\u0000 » typed by somebody


class TextParser(JSONParser):
    """JSON. Raise ParseError, too, for a body nested without end, for half a character (« \\ud800 ») and for NUL."""

    def parse(self, *args: Any, **options: Any) -> Any:
        try:
            data = super().parse(*args, **options)
            text = json.dumps(data, ensure_ascii=False)
            text.encode()
        except (RecursionError, UnicodeEncodeError) as error:
            raise ParseError(str(error)) from error
        if _NUL.search(text):
            raise ParseError("NUL")
        return data
