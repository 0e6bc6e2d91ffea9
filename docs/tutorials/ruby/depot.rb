# What every lesson shares: how to reach the broker, and how to wait for messages until Ctrl-C.
require "bunny"

$stdout.sync = true # show each line at once, in a pipe too

module Depot
  # Opens a connection to the broker on this machine; its port is in LEVERET_PORT, else 5672.
  def self.connect
    Bunny.new(host: "127.0.0.1", port: ENV.fetch("LEVERET_PORT", "5672").to_i).start
  end

  # Bunny calls the subscribers in threads of its own; this one only has to stay.
  def self.listen(connection)
    sleep
  rescue Interrupt
    connection.close
  end
end
