# Required before a Ruby program of the seed notes: what they called MQ is called AMQP::Channel since
# version 1.0 of the amqp gem, and the broker is not on 5672.
require "amqp"

$stdout.sync = true
AMQ::Settings.default[:port] = ENV.fetch("LEVERET_PORT").to_i
MQ = AMQP::Channel unless defined?(MQ)
