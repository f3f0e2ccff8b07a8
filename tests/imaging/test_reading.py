"""Reading pictures: each format, each conversion, and what hostile files come to."""

import functools
import io
import random
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from app.imaging import (
    BrokenPicture,
    NotAPicture,
    Picture,
    PictureError,
    PictureLimits,
    PictureTooLarge,
    read,
)
from tests.imaging.pictures import LIMITS, encoded, noise, png_chunk, png_of, tiff_of


def reading(content: bytes) -> Picture:
    return read(content, LIMITS)


@pytest.mark.parametrize("name", ["PNG", "BMP", "TIFF"])
def test_lossless_colour_comes_back_exactly(name: str) -> None:
    pixels = noise(11, 17, 3)
    picture = reading(encoded(pixels, name))
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert (picture.width, picture.height, picture.channels) == (17, 11, 3)
    assert (picture.mode, picture.format, picture.conversions) == ("RGB", name, ())


@pytest.mark.parametrize("name", ["PNG", "BMP", "TIFF", "GIF"])
def test_gray_stays_one_channel(name: str) -> None:
    pixels = noise(11, 17)
    picture = reading(encoded(pixels, name))
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert picture.channels == 1


def test_lossless_webp_comes_back_exactly() -> None:
    pixels = noise(11, 17, 3)
    picture = reading(encoded(pixels, "WEBP", lossless=True))
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert picture.format == "WebP"


def test_jpeg_keeps_its_size_and_is_close() -> None:
    rows = np.linspace(0, 255, 24)[:, None] * np.ones(40)
    picture = reading(encoded(rows.astype(np.uint8), "JPEG", quality=95))
    assert picture.format == "JPEG"
    np.testing.assert_allclose(picture.pixels, rows, atol=6)


def test_pixels_are_read_only() -> None:
    assert not reading(encoded(noise(3, 4), "PNG")).pixels.flags.writeable


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_exif_orientation_is_applied_and_said(orientation: int, name: str) -> None:
    upright = noise(5, 9)
    turns = {
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.T,
        6: np.rot90,
        7: lambda a: a[::-1, ::-1].T,
        8: lambda a: np.rot90(a, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    # What the camera stores is the upright picture turned the other way.
    stored = np.ascontiguousarray(turns[orientation](upright))
    picture = reading(encoded(stored, name, exif=exif))
    np.testing.assert_array_equal(picture.pixels, upright)
    assert picture.conversions == (f"EXIF orientation {orientation} applied",)


def test_alpha_is_laid_over_white() -> None:
    rgba = noise(6, 7, 4)
    picture = reading(encoded(rgba, "PNG"))
    share = rgba[..., 3:] / 255
    np.testing.assert_allclose(picture.pixels, rgba[..., :3] * share + 255 * (1 - share), atol=1)
    assert picture.conversions == ("alpha over white",)


def test_alpha_that_hides_nothing_is_dropped_and_said() -> None:
    rgba = noise(6, 7, 4)
    rgba[..., 3] = 255
    picture = reading(encoded(rgba, "PNG"))
    np.testing.assert_array_equal(picture.pixels, rgba[..., :3])
    assert picture.conversions == ("opaque alpha dropped",)


def test_gray_with_alpha_stays_gray() -> None:
    gray_alpha = Image.merge("LA", [Image.fromarray(noise(6, 7, seed=seed)) for seed in (1, 2)])
    picture = reading(encoded(gray_alpha, "PNG"))
    assert picture.channels == 1
    assert picture.conversions == ("alpha over white",)


def test_transparent_colour_of_a_palette_becomes_white() -> None:
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8))
    image.putpalette([10, 20, 30, 200, 0, 0, 0, 0, 99])
    picture = reading(encoded(image, "PNG", transparency=1))
    assert picture.pixels.tolist() == [[[10, 20, 30], [255, 255, 255], [0, 0, 99]]]
    assert picture.conversions == ("palette to RGB", "alpha over white")


def test_transparent_colour_without_a_palette_becomes_white() -> None:
    colors = np.array([[[10, 20, 30], [200, 0, 0], [0, 0, 99]]], np.uint8)
    picture = reading(encoded(colors, "PNG", transparency=(200, 0, 0)))
    assert picture.pixels.tolist() == [[[10, 20, 30], [255, 255, 255], [0, 0, 99]]]
    grays = np.array([[7, 8, 9]], np.uint8)
    assert reading(encoded(grays, "PNG", transparency=8)).pixels.tolist() == [[7, 255, 9]]


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_sixteen_bit_gray_keeps_its_high_byte(name: str) -> None:
    deep = np.random.default_rng(5).integers(0, 65536, (7, 5), np.uint16)
    picture = reading(encoded(deep, name))
    np.testing.assert_array_equal(picture.pixels, deep >> 8)
    assert picture.conversions == ("16-bit samples reduced to 8 bits",)


def test_sixteen_bit_colour_is_said() -> None:
    deep = np.random.default_rng(5).integers(0, 65536, (3, 2, 3), np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in deep)
    content = png_of(2, 3, png_chunk(b"IDAT", zlib.compress(rows)), depth=16, color=2)
    picture = reading(content)
    np.testing.assert_array_equal(picture.pixels, deep >> 8)
    assert picture.conversions == ("16-bit samples reduced to 8 bits",)


def test_one_bit_becomes_black_and_white() -> None:
    bits = np.random.default_rng(5).integers(0, 2, (9, 13)).astype(bool)
    picture = reading(encoded(bits, "PNG"))
    np.testing.assert_array_equal(picture.pixels, bits * 255)
    assert picture.conversions == ("1-bit to gray",)


def test_cmyk_becomes_rgb() -> None:
    cyan = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    picture = reading(encoded(cyan, "TIFF"))
    assert picture.pixels[4, 4].tolist() == [0, 255, 255]
    assert (picture.mode, picture.conversions) == ("CMYK", ("CMYK to RGB",))


def test_float_samples_are_refused_because_nothing_tells_their_range() -> None:
    with pytest.raises(BrokenPicture, match="32 bits"):
        reading(encoded(np.ones((3, 4), np.float32), "TIFF"))


@pytest.mark.parametrize("name", ["GIF", "TIFF", "WEBP", "PNG"])
def test_first_frame_of_an_animation_is_taken_and_said(name: str) -> None:
    first, second, third = (Image.fromarray(noise(8, 12, seed=seed)) for seed in (1, 2, 3))
    options = {"lossless": True} if name == "WEBP" else {}
    content = encoded(first, name, save_all=True, append_images=[second, third], **options)
    picture = reading(content)
    assert picture.conversions[0] == "first frame of 3"
    values = picture.pixels if picture.pixels.ndim == 2 else picture.pixels[..., 0]
    np.testing.assert_array_equal(values, np.asarray(first))


def test_srgb_profile_changes_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pixels = noise(4, 6, 3)
    picture = reading(encoded(pixels, "PNG", icc_profile=profile))
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert picture.conversions == ()


def swapped_profile() -> bytes:
    """An sRGB profile whose red and blue primaries are exchanged, under another name."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", profile, 128)[0]
    for at in range(132, 132 + 12 * count, 12):
        tag = bytes(profile[at : at + 4])
        if tag in (b"rXYZ", b"bXYZ"):
            profile[at : at + 4] = b"bXYZ" if tag == b"rXYZ" else b"rXYZ"
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "Swap".encode("utf-16-be"))


def test_icc_profile_is_converted_to_srgb() -> None:
    red = np.zeros((4, 6, 3), np.uint8)
    red[..., 0] = 255
    picture = reading(encoded(red, "PNG", icc_profile=swapped_profile()))
    assert picture.conversions == ("ICC profile to sRGB",)
    assert picture.pixels[0, 0, 2] > 250
    assert picture.pixels[0, 0, 0] < 5


def test_unreadable_icc_profile_is_ignored_and_said() -> None:
    pixels = noise(4, 6, 3)
    picture = reading(encoded(pixels, "PNG", icc_profile=b"not a profile at all"))
    np.testing.assert_array_equal(picture.pixels, pixels)
    assert picture.conversions == ("ICC profile unreadable, ignored",)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"8BPS\0\1" + bytes(40),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7\n",
        b"\0\0\1\0\1\0" + bytes(40),
        b"\x80\x04\x95" + bytes(40),
        b"\x93NUMPY\x01\0" + bytes(40),
        b"PK\x03\x04" + bytes(40),
    ],
    ids=["empty", "eps", "psd", "svg", "pdf", "ico", "pickle", "npy", "npz"],
)
def test_other_content_is_no_picture(content: bytes) -> None:
    with pytest.raises(NotAPicture, match="PNG, JPEG, WebP, GIF, BMP, TIFF") as caught:
        reading(content)
    assert caught.value.accepted == ("PNG", "JPEG", "WebP", "GIF", "BMP", "TIFF")


@functools.cache
def bombs() -> dict[str, bytes]:
    bits = zlib.compress(bytes((30_000 // 8 + 1) * 30_000), 9)
    bmp = b"BM" + struct.pack("<IHHI", 54, 0, 0, 54)
    bmp += struct.pack("<IiiHHIIiiII", 40, 2_000_000, 3_000_000, 1, 24, 0, 0, 0, 0, 0, 0)
    vp8x = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (16_382).to_bytes(3, "little") * 2
    return {
        "one-bit PNG of 30000 squared": png_of(30_000, 30_000, png_chunk(b"IDAT", bits), depth=1),
        "PNG of 8192 squared": png_of(8192, 8192, png_chunk(b"IDAT", zlib.compress(bytes(9)))),
        "PNG of 2^31": png_of(2**31 - 1, 2**31 - 1, png_chunk(b"IDAT", b"")),
        "BMP of 6e12 pixels": bmp,
        "TIFF of 100000 squared": tiff_of(100_000, 100_000, (273, 4, 8), (279, 4, 8)),
        "TIFF with one enormous tile": tiff_of(
            64, 64, (322, 4, 2**20), (323, 4, 2**20), (324, 4, 8), (325, 4, 8)
        ),
        "WebP canvas": b"RIFF" + struct.pack("<I", 22) + b"WEBP" + vp8x,
        "GIF screen": b"GIF89a" + struct.pack("<HHBBB", 60_000, 60_000, 0, 0, 0) + b";",
    }


def resident_bytes() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096


@pytest.mark.parametrize("name", bombs())
def test_pixel_bomb_is_judged_by_its_header(name: str) -> None:
    content = bombs()[name]
    before = resident_bytes()
    expected = BrokenPicture if name == "GIF screen" else PictureTooLarge
    with pytest.raises(expected):
        reading(content)
    assert resident_bytes() - before < 64 * 1024 * 1024


def test_text_bomb_in_a_png_is_refused() -> None:
    text = png_chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(900_000), 9))
    pixel = png_chunk(b"IDAT", zlib.compress(b"\0\0"))
    before = resident_bytes()
    with pytest.raises(BrokenPicture):
        reading(png_of(1, 1, *[text] * 200, pixel))
    assert resident_bytes() - before < 64 * 1024 * 1024


def test_size_at_each_limit_passes_and_one_more_does_not() -> None:
    limits = PictureLimits(pixels=60, side=12)
    assert read(encoded(noise(5, 12), "PNG"), limits).width == 12
    with pytest.raises(PictureTooLarge) as side:
        read(encoded(noise(1, 13), "PNG"), limits)
    assert (side.value.limit, side.value.actual) == (12, 13)
    with pytest.raises(PictureTooLarge) as pixels:
        read(encoded(noise(6, 11), "PNG"), limits)
    assert (pixels.value.limit, pixels.value.actual) == (60, 66)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_truncated_picture_is_broken_wherever_it_ends(name: str) -> None:
    content = encoded(noise(40, 50, 3), name)
    for end in (12, 25, 60, len(content) // 2, len(content) - 40):
        with pytest.raises(PictureError):
            reading(content[:end])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_corrupt_picture_is_read_or_broken_but_never_a_fault(name: str) -> None:
    source = random.Random(name)
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {} if name in ("GIF", "BMP") else {"exif": exif}
    content = encoded(noise(24, 31, 3), name, **options)
    for _ in range(150):
        hostile = bytearray(content)
        for _ in range(source.choice((1, 3, 20))):
            # The first bytes decide most.
            hostile[
                min(source.randrange(12, len(hostile)), source.randrange(12, 4000)) % len(hostile)
            ] = source.randrange(256)
        try:
            reading(bytes(hostile))
        except PictureError:
            continue


def test_gif_of_many_frames_is_counted_without_decoding() -> None:
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    assert reading(head + frame * 7_000 + b";").conversions[0] == "first frame of 7000"


def test_tiff_whose_pages_form_a_ring_is_counted_once() -> None:
    stream = io.BytesIO()
    Image.fromarray(noise(4, 4)).save(stream, "TIFF")
    content = bytearray(stream.getvalue())
    at = struct.unpack_from("<I", content, 4)[0]
    entries = struct.unpack_from("<H", content, at)[0]
    struct.pack_into("<I", content, at + 2 + 12 * entries, at)
    assert reading(bytes(content)).conversions == ()
