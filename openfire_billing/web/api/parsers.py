"""What may be sent: JSON, of text that can be written back."""

import json
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class TextParser(JSONParser):
    """JSON. Raise ParseError, too, for a body nested without end, and for half a character (« \\ud800 »)."""

    def parse(self, *args: Any, **options: Any) -> Any:
        try:
            data = super().parse(*args, **options)
            json.dumps(data, ensure_ascii=False).encode()
        except (RecursionError, UnicodeEncodeError) as error:
            raise ParseError(str(error)) from error
        return data
