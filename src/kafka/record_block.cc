#include "kafka/record_block.h"

#include "base/bytes.h"

namespace millrace::kafka {
namespace {

// The headers in Kafka's record format (flow::DecodeHeaders); librdkafka gives them one by one.
void AppendHeaders(const rd_kafka_message_t& message, std::string& to) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  AppendVarint(to, ZigZag(static_cast<int64_t>(rd_kafka_header_cnt(headers))));
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    const std::string_view key(name);
    AppendVarint(to, ZigZag(static_cast<int64_t>(key.size())));
    to += key;
    AppendVarint(to, ZigZag(value == nullptr ? -1 : static_cast<int64_t>(size)));
    if (value != nullptr) to.append(static_cast<const char*>(value), size);
  }
}

}  // namespace

flow::RecordBlock BlockOf(std::span<const Owned<rd_kafka_message_t>> messages, bool headers) {
  flow::RecordBlock block;
  std::string header_bytes;
  std::vector<size_t> header_ends;
  if (headers) {
    for (const auto& message : messages) {
      AppendHeaders(*message, header_bytes);
      header_ends.push_back(header_bytes.size());
    }
  }
  size_t total = header_bytes.size() + flow::kReadPadding;
  for (const auto& message : messages) total += message->key_len + message->len;
  const std::shared_ptr<char[]> buffer = std::make_shared_for_overwrite<char[]>(total);
  char* at = buffer.get();
  const auto copy = [&at](const void* bytes, size_t size) {
    const char* const begin = at;
    if (size > 0) std::memcpy(at, bytes, size);
    at += size;
    return begin;
  };
  const char* const header_begin = copy(header_bytes.data(), header_bytes.size());
  block.records.reserve(messages.size());
  for (size_t i = 0; i < messages.size(); ++i) {
    const rd_kafka_message_t& message = *messages[i];
    flow::RecordView& view = block.records.emplace_back();
    view.offset = Offset(message.offset);
    view.timestamp = TimestampMs(rd_kafka_message_timestamp(&message, nullptr));
    if (message.key != nullptr) view.key = copy(message.key, message.key_len);
    view.key_size = static_cast<uint32_t>(message.key_len);
    if (message.payload != nullptr) view.value = copy(message.payload, message.len);
    view.value_size = static_cast<uint32_t>(message.len);
    if (headers) {
      const size_t begin = i == 0 ? 0 : header_ends[i - 1];
      view.raw_headers = std::string_view(header_begin + begin, header_ends[i] - begin);
    }
    block.bytes += message.key_len + message.len;
  }
  std::memset(at, 0, flow::kReadPadding);
  block.owners.push_back(buffer);
  return block;
}

}  // namespace millrace::kafka
