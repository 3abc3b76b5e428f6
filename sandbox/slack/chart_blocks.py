"""The block for charts: https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block .

Slack rolled it out in June 2026, unevenly. `invalid_blocks` as a fault shows how a bot does without it.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sandbox.slack.block_schema import BY_TYPE, Form, String20, String50, refuse

MOST_CHARTS = 2
"""In one message."""
Categories = Annotated[list[String20], Field(min_length=1, max_length=20)]


class Segment(Form):
    label: String20
    value: Annotated[float, Field(gt=0)]


class Pie(Form):
    type: Literal["pie"]
    segments: Annotated[list[Segment], Field(min_length=1, max_length=6)]


class DataPoint(Form):
    label: String20
    value: float


class DataSeries(Form):
    name: String20
    data: Annotated[list[DataPoint], Field(min_length=1, max_length=20)]


class AxisConfig(Form):
    categories: Categories
    x_label: String50 | None = None
    y_label: String50 | None = None


class SeriesChart(Form):
    type: Literal["bar", "area", "line"]
    series: Annotated[list[DataSeries], Field(min_length=1, max_length=6)]
    axis_config: AxisConfig

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = [series.name for series in self.series]
        if len(set(names)) < len(names):
            raise refuse("series names must be unique")
        categories = sorted(self.axis_config.categories)
        if len(set(categories)) < len(categories):
            raise refuse("categories must be unique")
        if any(sorted(point.label for point in series.data) != categories for series in self.series):
            raise refuse("each series must have one data point per category")
        return self


Chart = Annotated[Pie | SeriesChart, BY_TYPE]
Title = String50
