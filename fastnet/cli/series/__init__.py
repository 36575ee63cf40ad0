"""Forecasts of time series in tables: `fastnet train FILE --model lstm --time COLUMN` and what follows."""

__all__: list[str] = []
