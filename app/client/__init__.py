"""A Python client of the API: NumPy arrays in, NumPy arrays out.

```python
from app.client import Client, Network
from app.engine.kernels import PresetKernel
from app.engine.layers import Conv2d, Relu

edges = Network(Conv2d(PresetKernel("sobel_x"), padding="same"), Relu())
with Client("http://127.0.0.1:8000") as client:
    client.forward(client.upload("photo.jpg"), edges).output  # shape (1, 3, H, W)
```

`AsyncClient` has the same methods, to be awaited. docs/client.md tells more.
"""

from app.client.answers import Fault, Gradients, Image, Job, Kernel, Maps
from app.client.connection import AsyncClient, Client
from app.client.errors import (
    Conflict,
    ConvscopeError,
    Forbidden,
    Invalid,
    Malformed,
    NoAnswer,
    NotAcceptable,
    NotFound,
    Overloaded,
    OverQuota,
    Problem,
    ServerFailed,
    StoreFull,
    TimedOut,
    TooLarge,
    Unauthorized,
    Unintelligible,
    UnsupportedType,
)
from app.client.messages import spec
from app.client.network import Network
from app.client.retries import Retries

__all__ = [
    "AsyncClient",
    "Client",
    "Conflict",
    "ConvscopeError",
    "Fault",
    "Forbidden",
    "Gradients",
    "Image",
    "Invalid",
    "Job",
    "Kernel",
    "Malformed",
    "Maps",
    "Network",
    "NoAnswer",
    "NotAcceptable",
    "NotFound",
    "OverQuota",
    "Overloaded",
    "Problem",
    "Retries",
    "ServerFailed",
    "StoreFull",
    "TimedOut",
    "TooLarge",
    "Unauthorized",
    "Unintelligible",
    "UnsupportedType",
    "spec",
]
