"""A product of the catalog."""

from examples.shop.commands import AddProduct
from examples.shop.events import ProductAdded
from twofold import Aggregate, decides, evolves


class Product(Aggregate, key="product_id"):
    department: str = ""

    @decides(new=True)
    def add(self, command: AddProduct) -> ProductAdded:
        return ProductAdded(
            product_id=command.product_id,
            department=command.department,
            brand=command.brand,
            manufacturer_id=command.manufacturer_id,
            category=command.category,
            type=command.type,
            package_size=command.package_size,
        )

    @evolves
    def added(self, event: ProductAdded) -> None:
        self.department = event.department
