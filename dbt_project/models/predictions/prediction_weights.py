"""Fits each forecast on the users who are not held out of it. One row of weights per forecast with enough positives."""


def model(dbt, session):
    """Called by dbt; what it imports is imported only here, as dbt reads the file in every run."""
    dbt.config(materialized="table")
    import pyarrow

    from segmentation.likelihood import fit
    from segmentation.plan.predictions import INPUTS, TRAINING

    rows = dbt.ref("prediction_features").query("f", TRAINING).fetchnumpy()
    weights = fit(rows, list(INPUTS))
    types = {name: pyarrow.int32() if name == "forecast" else pyarrow.float64() for name in weights}
    return pyarrow.table(weights, schema=pyarrow.schema(types))
