"""A Python client of the API: NumPy arrays in, NumPy arrays out.

```python
with Convscope("http://127.0.0.1:8000") as convscope:
    picture = convscope.upload("photo.jpg")
    edges = convscope.forward(picture, [{"type": "conv2d", "kernel": {"preset": "sobel_x"}}])
    edges.output  # shape (1, 3, H, W)
```
"""

from app.client.answers import ConvscopeError, Gradients, Maps
from app.client.connection import Convscope

__all__ = ["Convscope", "ConvscopeError", "Gradients", "Maps"]
