# Lesson 5, topics: follow parcels by city, kind and event, with patterns over dotted words.
#
#   ruby 5_tracking.rb watch "oslo.#"             everything in Oslo
#   ruby 5_tracking.rb watch "*.letter.*" "#.lost"      letters anywhere, and whatever is lost
#   ruby 5_tracking.rb report oslo.letter.arrived "from aunt Ingrid"
require_relative "depot"

role, *rest = ARGV
unless (role == "watch" && rest.any?) || (role == "report" && rest.length > 1)
  abort "5_tracking.rb watch PATTERN... | report CITY.KIND.EVENT TEXT"
end

connection = Depot.connect
channel = connection.create_channel
# In the bindings of a topic exchange, * stands for one word and # for any number, none included.
tracking = channel.topic("tracking")

case role
when "report"
  event, *words = rest
  tracking.publish(words.join(" "), routing_key: event)
  puts "reported #{event}: #{words.join(' ')}"
  connection.close
when "watch"
  mine = channel.queue("", exclusive: true)
  rest.each { |pattern| mine.bind(tracking, routing_key: pattern) }
  mine.subscribe { |delivery, _properties, text| puts "#{delivery.routing_key}: #{text}" }
  puts "watching #{rest.join(' ')}"
  Depot.listen(connection)
end
