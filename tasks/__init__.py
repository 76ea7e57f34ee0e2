"""The versioned tasks: one way for every DVC stage to run under Prefect."""
