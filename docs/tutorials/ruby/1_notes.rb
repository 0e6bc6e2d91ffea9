# Lesson 1, hello: somebody leaves a note at the front desk, somebody else reads it.
#
#   ruby 1_notes.rb read
#   ruby 1_notes.rb leave "the spare key is under the mat"
require_relative "depot"

role, *words = ARGV
abort "1_notes.rb read | leave TEXT" unless role == "read" || (role == "leave" && words.any?)

connection = Depot.connect
channel = connection.create_channel
# Whoever comes first creates the queue; declaring it again, the same way, changes nothing.
desk = channel.queue("front-desk")

case role
when "read"
  desk.subscribe { |_delivery, _properties, text| puts "note: #{text}" }
  puts "reading the notes at the front desk"
  Depot.listen(connection)
when "leave"
  text = words.join(" ")
  # The nameless exchange takes the routing key for the name of a queue.
  channel.default_exchange.publish(text, routing_key: desk.name)
  puts "left: #{text}"
  connection.close
end
