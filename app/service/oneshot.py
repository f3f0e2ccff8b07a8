"""One picture through one layer, for scripts: nothing is kept."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from app import imaging
from app.engine import threads
from app.service.pictures import Pictures
from app.service.specs import ArrayInput, PictureInput, ShapeInput, Spec


@dataclass(frozen=True, eq=False)
class OneShot:
    """One picture's computation.

    Attributes:
        content: The picture's file.
        picture: How it becomes an input; it names no source.
        spec: The layers; its input is only a place for the picture.
    """

    content: bytes
    picture: PictureInput
    spec: Spec

    def with_input(self, pictures: Pictures, refuse: Callable[[Spec], object]) -> Spec:
        """Return the computation on the picture, read only if nothing speaks against it.

        Args:
            pictures: Reads the content.
            refuse: Raises whatever speaks against a computation on a shape alone.

        Raises:
            PictureError: The content cannot be read as a picture.
            As `refuse`.
        """
        pixels = pictures.read(self.content).pixels
        asked = self.picture
        size = imaging.scaled_size(pixels.shape[0], pixels.shape[1], asked.max_side)
        shape = (1, 3 if asked.color == "rgb" else 1, *size)
        refuse(replace(self.spec, input=ShapeInput(shape)))
        channels = imaging.to_channels(
            pixels,
            color=asked.color,
            range=asked.range,
            max_side=asked.max_side,
            dtype=self.spec.dtype,
            share=threads.share,
        )
        return replace(self.spec, input=ArrayInput(channels[None]))
