// Fetched messages as a block of records.
#pragma once

#include <span>

#include "flow/types.h"
#include "kafka/handle.h"

namespace millrace::kafka {

// Copies keys and values (and headers, when they are wanted) into one padded buffer. `next` is left
// to the caller.
flow::RecordBlock BlockOf(std::span<const Owned<rd_kafka_message_t>> messages, bool headers);

}  // namespace millrace::kafka
