"""One picture through one layer, for scripts: nothing is kept."""

from dataclasses import dataclass, replace

from app import imaging
from app.service.compute import Compute
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

    def with_input(self, compute: Compute, pictures: Pictures, wire_bytes_a_value: float) -> Spec:
        """Return the computation on the picture, read only if nothing speaks against it.

        Raises:
            PictureError: The content cannot be read as a picture.
            As `Compute.refuse`.
        """
        pixels = pictures.read(self.content).pixels
        asked = self.picture
        size = imaging.scaled_size(pixels.shape[0], pixels.shape[1], asked.max_side)
        shape = (1, 3 if asked.color == "rgb" else 1, *size)
        compute.refuse(replace(self.spec, input=ShapeInput(shape)), wire_bytes_a_value)
        channels = imaging.to_channels(
            pixels,
            color=asked.color,
            range=asked.range,
            max_side=asked.max_side,
            dtype=self.spec.dtype,
        )
        return replace(self.spec, input=ArrayInput(channels[None]))
