# Lesson 6, remote procedure call: ask the counter what a parcel costs, and wait for the answer.
#
#   ruby 6_postage.rb serve
#   ruby 6_postage.rb ask 1200        (grams)
require "securerandom"
require_relative "depot"

role, grams = ARGV
unless role == "serve" || (role == "ask" && grams.to_s.match?(/\A\d+\z/))
  abort "6_postage.rb serve | ask GRAMS"
end

connection = Depot.connect
channel = connection.create_channel
exchange = channel.default_exchange

# In cents: a fee, and something for each begun half kilogram.
def postage(grams)
  250 + 120 * (grams / 500.0).ceil
end

case role
when "serve"
  channel.prefetch(1)
  channel.queue("postage").subscribe(manual_ack: true) do |delivery, properties, body|
    puts "asked about #{body} g"
    # Answer where the question says, and mark the answer with the mark of the question.
    exchange.publish(
      postage(body.to_i).to_s,
      routing_key: properties.reply_to,
      correlation_id: properties.correlation_id
    )
    channel.ack(delivery.delivery_tag)
  end
  puts "the counter is open"
  Depot.listen(connection)
when "ask"
  mark = SecureRandom.uuid
  answer = Queue.new # Ruby's own: the subscriber's thread puts, this one waits
  mine = channel.queue("", exclusive: true)
  mine.subscribe do |_delivery, properties, body|
    answer << body if properties.correlation_id == mark # else it answers a question of the past
  end
  exchange.publish(grams, routing_key: "postage", reply_to: mine.name, correlation_id: mark)
  puts "#{grams} g cost #{answer.pop} cents"
  connection.close
end
