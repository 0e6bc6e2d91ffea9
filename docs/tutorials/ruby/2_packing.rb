# Lesson 2, work queue: orders are packed by whoever has free hands; none is lost if one falls ill.
#
#   ruby 2_packing.rb pack Ada        (in one terminal)
#   ruby 2_packing.rb pack Bob        (in another)
#   ruby 2_packing.rb order teapot map umbrella
require_relative "depot"

role, *rest = ARGV
abort "2_packing.rb pack NAME | order ITEM..." unless %w[pack order].include?(role) && rest.any?

connection = Depot.connect
channel = connection.create_channel
# A durable queue is still there after the broker was restarted, and so are its persistent messages.
orders = channel.queue("packing", durable: true)

case role
when "order"
  rest.each do |item|
    orders.publish(item, persistent: true)
    puts "ordered: #{item}"
  end
  connection.close
when "pack"
  name = rest.first
  channel.prefetch(1) # one order in hand at a time, so the slow get fewer
  orders.subscribe(manual_ack: true) do |delivery, _properties, item|
    puts "#{name} packs #{item}#{' (begun before)' if delivery.redelivered?}"
    sleep 0.1 * item.length
    puts "#{name} is done with #{item}"
    # Only now does the broker forget the order. Had we died before, another would get it.
    channel.ack(delivery.delivery_tag)
  end
  puts "#{name} is ready to pack"
  Depot.listen(connection)
end
