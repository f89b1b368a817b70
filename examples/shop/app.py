"""The shop, put together. `twofold dev examples.shop.app:app` serves it; `make run` also feeds it.

`app` folds its orders from their events; `on_tables` keeps them in tables of its own (`tables/`), and publishes the
same events. Everything to the right of the log is the same.
"""

from typing import Any

from examples.shop.customer_dashboard import CustomerDashboard
from examples.shop.order import Order
from examples.shop.order_page import OrderPage
from examples.shop.product import Product
from examples.shop.product_text import ProductText
from examples.shop.queries import revenue_between, search_products, summary_of_customer, top_products
from examples.shop.sales import DailyRevenue, ProductSales
from examples.shop.tables.order_handlers import cancel, pay, place, ship
from twofold import App

_TO_THE_RIGHT: dict[str, Any] = {
    "title": "The shop: a year of real grocery baskets",
    "views": [OrderPage, CustomerDashboard, ProductSales, DailyRevenue, ProductText],
    "queries": [top_products, revenue_between, summary_of_customer, search_products],
}

app = App("shop", aggregates=[Order, Product], **_TO_THE_RIGHT)
on_tables = App("shop", aggregates=[Product], handlers=[place, pay, ship, cancel], **_TO_THE_RIGHT)

APPS = {"aggregates": app, "tables": on_tables}
