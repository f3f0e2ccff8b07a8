"""Colour maps: tables of colours from the smallest value to the largest.

Sources and licences:
    viridis, magma, inferno: Smith, van der Walt and Firing, 2015; CC0.
    cividis: Nuñez, Anderton and Renslow, "Optimizing colormaps with consideration for color
        vision deficiency", PLOS ONE 2018; CC0.
    turbo: Mikhailov, "Turbo, an improved rainbow colormap", Google 2019; Apache-2.0.
    coolwarm: Moreland, "Diverging color maps for scientific visualization", 2009; free to use.
    seismic, gray: straight lines between the colours below.
"""

from __future__ import annotations

import functools
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

ColorMap = Literal["gray", "viridis", "magma", "inferno", "cividis", "turbo", "coolwarm", "seismic"]
COLOR_MAPS: tuple[ColorMap, ...] = get_args(ColorMap)

# Colours at equal distances, as RGB in hexadecimal; straight lines between them stay within one
# step of 255 of the published tables (cividis: four).
_CONTROLS: dict[str, str] = {
    "gray": "000000ffffff",
    "seismic": "00004c0000ffffffffff0000800000",
    "viridis": (
        "44015446085c471063481769481d6f482475472a7a46307e453781433d844142873f48893d4e8a"
        "3a538b38598c355e8d33638d31688e2e6d8e2c718e2a768e297b8e27808e25848e23898e218e8d"
        "20928c1f978b1e9c891fa18821a58524aa8328ae802eb37c35b7793dbc7446c06f50c46a5ac864"
        "65cb5e70cf577cd25089d54895d840a2da37b0dd2fbddf26cae11fd8e219e5e419f1e51dfde725"
    ),
    "magma": (
        "00000402020b0504160907200e0b2b140e361a104221114e29115a311165390f6e420f754a1079"
        "52137c5a167e6219806a1c81721f81792282812581892881912b81992d80a1307eaa337db2357b"
        "ba3878c23b75ca3e72d2426fd9466be04c67e75263ec5860f1605df4695cf7725cf97b5dfb8560"
        "fc8e64fd9869fea16efeaa74feb47bfebd82fec68afecf92fed89afde2a3fdebacfcf4b6fcfdbf"
    ),
    "inferno": (
        "00000402020c0504170a072210092d160b391e0c45260c512f0a5b380962400a67490b6a510e6c"
        "59106e61136e69166e71196e781c6d801f6c88226a902568982766a02a63a82e5fb0315bb73557"
        "bf3952c63d4dcc4248d34743d94d3ddf5337e45a31e9612bed6925f1711ff47918f78212f98b0b"
        "fa9407fb9d07fca60cfcb014fbba1ffac42af8cd37f6d746f4e156f2ea69f2f27df5f992fcffa4"
    ),
    "cividis": (
        "00224e002656002a5f002d68003070083370163770203a6f273e6e2e416d34456c3a486c3f4c6c"
        "444f6c49536c4e566c535a6d575d6d5c616e60646f656870696b716d6f727272747676767a7a78"
        "7e7d788381798885788d8878928c789690779b9476a09875a59c74aaa073afa471b5a86fbaac6d"
        "bfb06bc4b468c9b965cfbd62d4c15fdac65bdfca57e5cf52ead34cf0d846f6dd3ffce236fee838"
    ),
    "turbo": (
        "30123b36215f3b2f803f3e9c424bb54559cb4666dd4773eb4680f6458cfd4099ff38a5fb2fb2f4"
        "27bee91fc9dd1ad4d018ddc21ae4b622ebaa2ff19b3ff68a52fa7a65fd6979fe598bff4b9cfe40"
        "a9fb39b7f735c3f134d0ea34dbe236e5d938eecf3af5c53afaba39fdae35fea130fe932afc8423"
        "f9751df46617ef5811e84b0ce14109d83706ce2d04c32503b71d02a916019b0f018b09027a0403"
    ),
    "coolwarm": (
        "3b4cc04055c8465ecf4c66d6536edd5977e35f7fe86687ed6c8ff17396f57a9df881a4fb88abfd"
        "8fb1fe96b7ff9dbdffa3c2feaac7fdb1cbfcb7cff9bed2f6c4d5f3cad8efcfdaead5dbe5dadce0"
        "dfdbd9e4d9d2e9d5cbedd2c3f0cdbbf2c9b4f5c4acf6bea4f7b89cf7b194f7aa8cf6a385f59c7d"
        "f39475f08b6eed8366e97a5fe57058e16751dc5d4ad65244d0473dca3b37c32e31bb1b2cb40426"
    ),
}


@functools.cache
def table(name: ColorMap, levels: int) -> NDArray[np.uint8]:
    """Return a colour map as a read-only table.

    Args:
        name: the colour map.
        levels: how many colours, at equal distances.

    Returns:
        RGB, shape (levels, 3).
    """
    controls = np.frombuffer(bytes.fromhex(_CONTROLS[name]), np.uint8).reshape(-1, 3)
    at, known = np.linspace(0, 1, levels), np.linspace(0, 1, len(controls))
    colors = np.stack([np.interp(at, known, channel) for channel in controls.T], axis=1)
    rounded = np.rint(colors).astype(np.uint8)
    rounded.flags.writeable = False
    return rounded
