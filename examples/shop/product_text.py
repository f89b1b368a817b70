"""One row a product: what the catalog says, and the text that a search looks through."""

from examples.shop.events import ProductAdded
from twofold import View, evolves


class ProductText(View, key="product_id", index=("department",)):
    """A product of the catalog. `text` is all its words in lower case, without repetition."""

    product_id: str
    department: str = ""
    brand: str = ""
    category: str | None = None
    type: str | None = None
    package_size: str | None = None
    text: str = ""

    @evolves
    def added(self, event: ProductAdded) -> None:
        self.department = event.department
        self.brand = event.brand
        self.category = event.category
        self.type = event.type
        self.package_size = event.package_size
        self.text = search_text(event)


def search_text(event: ProductAdded) -> str:
    """The words of a product in the order of the catalog: `frozen pizza pizza/premium 12 oz`."""
    parts = (event.department, event.brand, event.category, event.type, event.package_size)
    words = " ".join(part for part in parts if part).lower().split()
    return " ".join(dict.fromkeys(words))
