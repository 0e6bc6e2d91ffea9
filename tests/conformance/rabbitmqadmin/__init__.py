"""Conversations of RabbitMQ's own command line tool for the HTTP API with a broker."""
