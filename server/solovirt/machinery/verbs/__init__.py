"""What can be done to objects, one module per verb: the pipeline that HTTP handlers and controllers share."""
