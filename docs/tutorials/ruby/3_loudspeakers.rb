# Lesson 3, publish and subscribe: an announcement is heard from every loudspeaker that is on.
#
#   ruby 3_loudspeakers.rb listen     (as often as you like)
#   ruby 3_loudspeakers.rb announce "the last train leaves at nine"
require_relative "depot"

role, *words = ARGV
unless role == "listen" || (role == "announce" && words.any?)
  abort "3_loudspeakers.rb listen | announce TEXT"
end

connection = Depot.connect
channel = connection.create_channel
# A fanout exchange copies each message to all queues bound to it; with none, the words are gone.
loudspeakers = channel.fanout("loudspeakers")

case role
when "announce"
  text = words.join(" ")
  loudspeakers.publish(text)
  puts "announced: #{text}"
  connection.close
when "listen"
  # No name: the broker invents one. Exclusive: the queue lives as long as this connection.
  mine = channel.queue("", exclusive: true).bind(loudspeakers)
  mine.subscribe { |_delivery, _properties, text| puts "heard: #{text}" }
  puts "listening"
  Depot.listen(connection)
end
