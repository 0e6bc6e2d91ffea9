"""A randomised differential run: the same steps against RabbitMQ and against us, compared."""
