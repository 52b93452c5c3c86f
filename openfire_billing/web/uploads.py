"""Uploaded files: how large they may be, held while they are received."""

from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.utils.translation import gettext as _

LARGEST = 20 * 1024 * 1024  # bytes of one file


class RequestTooLarge(RequestDataTooBig):
    """The files of a form are too large together. The text is shown to the user."""


class LargestUploadHandler(FileUploadHandler):
    """The first of FILE_UPLOAD_HANDLERS: keeps nothing of a file that passes LARGEST.

    Such a file reaches the form empty, with the size that was received, and the service refuses it in a sentence. A
    request whose declared length passes UPLOAD_LARGEST_REQUEST is refused before any of it is read.
    """

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, Any],  # noqa: N803 Django names it
        content_length: int,
        boundary: bytes,
        encoding: str | None = None,
    ) -> None:
        if content_length > settings.UPLOAD_LARGEST_REQUEST:
            raise RequestTooLarge(
                _("Ces fichiers font ensemble plus de %s Mo : envoyez-les en plusieurs fois.")
                % (settings.UPLOAD_LARGEST_REQUEST // 1024**2)
            )

    def new_file(self, *args: Any, **options: Any) -> None:
        super().new_file(*args, **options)
        self.received = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Hand the bytes to the next handler, or to none once the file is too large."""
        was_kept = self.received <= LARGEST
        self.received += len(raw_data)
        if self.received <= LARGEST:
            return raw_data
        if was_kept and self.request is not None:
            for handler in self.request.upload_handlers:
                handler.upload_interrupted()  # what it wrote of the file is deleted
        return None

    def file_complete(self, file_size: int) -> UploadedFile | None:
        """Return the file without content when it is too large; None leaves it to the next handler."""
        if self.received <= LARGEST:
            return None
        return UploadedFile(BytesIO(), self.file_name, self.content_type, self.received, self.charset)
