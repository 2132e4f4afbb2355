"""Machines for rent and what they cost."""

from pydantic import Field

from qwenpick.catalog.fact import Date, Fact, Id, Positive


class CloudOffer(Fact):
    """A machine to rent: its accelerators and what an hour cost on a day."""

    id: Id
    provider: str
    instance: str
    gpu: str | None = Field(default=None, description="Id of the accelerator; absent where the catalogue has none such")
    gpu_name: str
    count: float | None = Field(default=None, gt=0, description="GPUs; below 1: that share of one")
    gpu_bytes: Positive | None = Field(default=None, description="Memory of each, where it is not the whole GPU's")
    vcpus: Positive | None = None
    ram_bytes: Positive | None = None
    usd_per_hour: float | None = Field(default=None, gt=0, description="On demand")
    spot_usd_per_hour: float | None = Field(default=None, gt=0)
    native_price: float | None = Field(default=None, gt=0, description="In `currency`, where it is not USD")
    currency: str | None = None
    region: str
    price_date: Date
    notes: str | None = None
    source: str
    checked: Date

    @property
    def priced_in(self) -> str | None:
        """The currency of `hour`."""
        return "USD" if self.usd_per_hour else self.currency

    @property
    def hour(self) -> float | None:
        """What an hour costs on demand, in `priced_in`."""
        return self.usd_per_hour or self.native_price
