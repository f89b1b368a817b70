"""The shop, put together. `twofold dev examples.shop.app:app` serves it; `make run` also feeds it."""

from examples.shop.customer_dashboard import CustomerDashboard
from examples.shop.order import Order
from examples.shop.order_page import OrderPage
from examples.shop.product import Product
from examples.shop.product_text import ProductText
from examples.shop.queries import revenue_between, search_products, summary_of_customer, top_products
from examples.shop.sales import DailyRevenue, ProductSales
from twofold import App

app = App(
    "shop",
    title="The shop: a year of real grocery baskets",
    aggregates=[Order, Product],
    views=[OrderPage, CustomerDashboard, ProductSales, DailyRevenue, ProductText],
    queries=[top_products, revenue_between, summary_of_customer, search_products],
)
