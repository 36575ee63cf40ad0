"""Encoders of the columns of a table: numbers, categories, text and dates.

Each encoder learns the same as scikit-learn's transformer of this purpose, with NumPy alone, and keeps it as plain
numbers and text, which can be written to JSON. `read` converts a column of the user's table to values; `fit` learns
from these values, and `apply` converts them to features.
"""
from fastnet.data.encoders.category import Category, places_of
from fastnet.data.encoders.date import Date
from fastnet.data.encoders.number import Number
from fastnet.data.encoders.settings import Encoder, Settings
from fastnet.data.encoders.text import Text

__all__ = ["ENCODERS", "Category", "Date", "Encoder", "Number", "Settings", "Text", "places_of"]

ENCODERS: dict[str, type[Number] | type[Category] | type[Text] | type[Date]] = {
    "number": Number, "category": Category, "text": Text, "date": Date}
