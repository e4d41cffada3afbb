// Handle: one librdkafka client with its connections, and what went wrong with them in words that
// name the setting and the cure.
//
// Thread contract: every function from any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <librdkafka/rdkafka.h>

#include "base/result.h"
#include "kafka/settings.h"

namespace millrace::kafka {

// What librdkafka's callbacks told since the last success. The gravest kind wins: a refused
// password explains a time-out, not the other way round.
class Trouble {
 public:
  void Note(rd_kafka_resp_err_t code, std::string_view text);
  void Clear();
  // The cause of `fallback` as far as it is known.
  Error Explain(const ClientSettings& settings, rd_kafka_resp_err_t fallback,
                std::string_view what) const;

 private:
  mutable std::mutex mutex_;
  int weight_ = 0;
  rd_kafka_resp_err_t code_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string text_;
};

// Names of librdkafka properties and their values.
using Properties = std::map<std::string, std::string>;

class Handle {
 public:
  enum class Kind : uint8_t { kProducer, kConsumer };
  // Connects in the background. kInvalidArgument: a setting librdkafka refuses, by name.
  static Result<std::unique_ptr<Handle>> Open(const ClientSettings& settings, Kind kind,
                                              const Properties& properties);
  ~Handle();
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  rd_kafka_t* get() const { return client_; }
  // Serves callbacks (connection errors, delivery errors).
  void Poll() { rd_kafka_poll(client_, 0); }
  // The error of an operation that ended with `code`, explained by what the connections said.
  Error ErrorOf(rd_kafka_resp_err_t code, std::string_view what);
  void Succeeded() { trouble_.Clear(); }

  // The first record that could not be delivered since the last call.
  rd_kafka_resp_err_t TakeDeliveryError();

 private:
  Handle(const ClientSettings& settings) : settings_(settings) {}
  static void OnError(rd_kafka_t*, int code, const char* reason, void* opaque);
  static void OnLog(const rd_kafka_t* client, int level, const char* facility, const char* text);
  static void OnDelivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque);

  const ClientSettings settings_;
  Trouble trouble_;
  std::mutex mutex_;
  rd_kafka_resp_err_t delivery_error_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  rd_kafka_t* client_ = nullptr;
};

// A topic or its leader is not known to this client, or to the broker, at this moment: so it is for
// a while after a topic was made and after a broker came back.
bool MayBecomeKnown(rd_kafka_resp_err_t code);

// Owners of librdkafka's objects.
struct Destroy {
  void operator()(rd_kafka_error_t* it) const { rd_kafka_error_destroy(it); }
  void operator()(rd_kafka_topic_partition_list_t* it) const {
    rd_kafka_topic_partition_list_destroy(it);
  }
  void operator()(const rd_kafka_metadata_t* it) const { rd_kafka_metadata_destroy(it); }
  void operator()(rd_kafka_queue_t* it) const { rd_kafka_queue_destroy(it); }
  void operator()(rd_kafka_message_t* it) const { rd_kafka_message_destroy(it); }
  void operator()(rd_kafka_event_t* it) const { rd_kafka_event_destroy(it); }
  void operator()(rd_kafka_NewTopic_t* it) const { rd_kafka_NewTopic_destroy(it); }
  void operator()(rd_kafka_ConfigResource_t* it) const { rd_kafka_ConfigResource_destroy(it); }
  void operator()(rd_kafka_AdminOptions_t* it) const { rd_kafka_AdminOptions_destroy(it); }
};
template <typename T>
using Owned = std::unique_ptr<T, Destroy>;

}  // namespace millrace::kafka
