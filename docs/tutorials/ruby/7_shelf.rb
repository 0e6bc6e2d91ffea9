# Lesson 7, publisher confirms: know of each parcel whether the broker has taken it.
#
#   ruby 7_shelf.rb
require_relative "depot"

connection = Depot.connect
channel = connection.create_channel

# Three places; what comes after that is refused instead of pushing something else out.
shelf = channel.queue(
  "", exclusive: true, arguments: { "x-max-length" => 3, "x-overflow" => "reject-publish" }
)

# A message that no queue wants comes back, just before its confirm.
came_back = nil
exchange = channel.default_exchange
exchange.on_return { |why, _properties, _parcel| came_back = why.reply_text }

# From here on the broker answers every message.
channel.confirm_select

store = lambda do |parcel, place|
  came_back = nil
  # mandatory: if no queue wants the message, give it back instead of dropping it
  exchange.publish(parcel, routing_key: place, mandatory: true)
  if !channel.wait_for_confirms
    puts "#{parcel}: refused, no room"
  elsif came_back
    puts "#{parcel}: came back, #{came_back}"
  else
    puts "#{parcel}: stored"
  end
end

(1..4).each { |number| store.call("parcel #{number}", shelf.name) }
store.call("parcel 5", "a shelf that is not there")
connection.close
