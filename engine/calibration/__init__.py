"""Fitting populations to purchase logs, and the published models that forecasts are measured against."""

from engine.calibration.base import Drawn, FittedBase

__all__ = ["Drawn", "FittedBase"]
