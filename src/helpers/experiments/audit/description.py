"""Claims about what the deployment is: names of the machine, and of the precision."""

from __future__ import annotations

from helpers.experiments.audit.basis import AuditBasis, figures, verdict
from helpers.runs.results.publication_audit import Claim

GROUP = "Description"


def memory(basis: AuditBasis) -> Claim:
    """The described memory against the configured machine."""
    endpoint = basis.published.endpoint
    machine = endpoint.instance
    return Claim(
        name="memory",
        group=GROUP,
        source="publication",
        claim="The machine's memory",
        published="{said}",
        recomputed="{memory} GB, accelerator: {accelerator}",
        verdict=verdict(_accelerated(basis) if "VRAM" in endpoint.memory_described_as else True),
        arithmetic="The configuration names {family} with {vcpus} virtual processors and {memory} GB; accelerator: "
        "{accelerator}. Video memory is that of an accelerator.",
        remedy="Call it main memory.",
        figures=figures("plain", said=endpoint.memory_described_as, memory=machine.memory_gb, family=machine.family)
        | figures("plain", accelerator=machine.accelerator, vcpus=machine.vcpus),
    )


def compute_label(basis: AuditBasis) -> Claim:
    """The label of the spreadsheet's compute line against the configured machine and the price of the card it names."""
    published, accelerated = basis.published, _accelerated(basis)
    line, machine = published.cost.spreadsheet.infrastructure.compute, published.endpoint.instance
    named = next(
        (
            price.hourly
            for price in basis.prices.instances
            if price.vendor == published.endpoint.vendor and price.type.rpartition("-")[2].upper() in line.label.upper()
        ),
        None,
    )
    listed = (
        "The price list has the card of that name at {named} an hour, {month} for as many hours; the line charges "
        "{unit}, so what is off is the name, not the cost. "
    )
    return Claim(
        name="compute-label",
        group=GROUP,
        source="spreadsheet",
        claim="What the compute line pays for",
        published="{label}",
        recomputed="accelerator: {accelerator}",
        verdict=verdict(accelerated if "GPU" in line.label else True),
        arithmetic=(listed if named and accelerated is False else "")
        + "The configured machine is {family}; the model was trained on {hardware}, perhaps the origin of the name.",
        remedy="Label the line with the configured machine.",
        figures=figures("plain", label=line.label, family=machine.family, accelerator=machine.accelerator)
        | figures("plain", hardware=published.model.fine_tuning.hardware)
        | figures("usd", named=named, month=named and named * line.usage, unit=line.unit_usd),
    )


def precision(basis: AuditBasis) -> Claim:
    """The published precision, which nothing published lets one observe."""
    model, machine = basis.published.model, basis.published.endpoint.instance
    return Claim(
        name="precision",
        group=GROUP,
        source="publication",
        claim="The precision that the model computes in",
        published="{precision}",
        recomputed="not observable",
        verdict=verdict(None),
        arithmetic="Accelerator: {accelerator}. On a processor, weights stored in half precision are often computed in "
        "single precision, and the answers do not tell. {parameters} parameters take {half} GB at two bytes each and "
        "{single} GB at four; both fit into {memory} GB, so the machine does not tell either.",
        remedy="Publish the data type that the server reports once the model is loaded.",
        figures=figures("plain", precision=model.precision, accelerator=machine.accelerator, memory=machine.memory_gb)
        | figures("plain", parameters=model.parameters, half=model.parameters * 2 / 1e9)
        | figures("plain", single=model.parameters * 4 / 1e9),
    )


def _accelerated(basis: AuditBasis) -> bool | None:
    """Return whether an accelerator that is claimed is there: not if none is configured, else of an unknown kind."""
    return False if basis.published.endpoint.instance.accelerator == "none" else None


CLAIMS = (memory, compute_label, precision)
