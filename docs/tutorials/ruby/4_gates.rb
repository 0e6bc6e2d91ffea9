# Lesson 4, routing: each parcel rolls to the gates that serve its direction, and to no other.
#
#   ruby 4_gates.rb open north
#   ruby 4_gates.rb open south east
#   ruby 4_gates.rb send south "a crate of oranges"
require_relative "depot"

role, *rest = ARGV
unless (role == "open" && rest.any?) || (role == "send" && rest.length > 1)
  abort "4_gates.rb open DIRECTION... | send DIRECTION PARCEL"
end

connection = Depot.connect
channel = connection.create_channel
# A direct exchange compares the routing key with the keys of its bindings, letter by letter.
gates = channel.direct("gates")

case role
when "send"
  direction, *words = rest
  gates.publish(words.join(" "), routing_key: direction)
  puts "sent #{direction}: #{words.join(' ')}"
  connection.close
when "open"
  mine = channel.queue("", exclusive: true)
  rest.each { |direction| mine.bind(gates, routing_key: direction) } # one queue, many bindings
  mine.subscribe do |delivery, _properties, parcel|
    puts "loaded for #{delivery.routing_key}: #{parcel}"
  end
  puts "open for #{rest.join(', ')}"
  Depot.listen(connection)
end
