#include "kafka/handle.h"

#include <array>

#include "base/logging.h"

namespace millrace::kafka {
namespace {

// How much a cause explains: 0 nothing, then time-outs, addresses, certificates, passwords.
int WeightOf(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
      return 5;
    case RD_KAFKA_RESP_ERR__SSL:
      return 4;
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
      return 3;
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
      return 1;
    default:
      return 2;
  }
}

ErrorCode CodeOf(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
      return ErrorCode::kInvalidArgument;
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
      return ErrorCode::kConflict;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      return ErrorCode::kNotFound;
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
      return ErrorCode::kUnsupported;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
      return ErrorCode::kDamaged;
    default:
      return ErrorCode::kUnavailable;
  }
}

// The setting to look at, and what to do with it.
std::string CureOf(rd_kafka_resp_err_t code, std::string_view text,
                   const ClientSettings& settings) {
  const std::string& place = settings.place;
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      return fmt::format("check {0}.sasl.user and {0}.sasl.password", place);
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
      return fmt::format("set {}.sasl.mechanism to one the broker has", place);
    case RD_KAFKA_RESP_ERR__RESOLVE:
      return fmt::format("check the host names in {}.bootstrap_servers", place);
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
      return fmt::format(
          "lower {}.transaction_timeout or raise the broker's "
          "transaction.max.timeout.ms",
          place);
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
      return "the broker is too old: Kafka 2.1 or newer is needed";
    default:
      break;
  }
  if (text.find("SSL") != std::string_view::npos || code == RD_KAFKA_RESP_ERR__SSL) {
    if (!settings.tls.enabled)
      return fmt::format("if the listener wants TLS: set {}.tls.enabled", place);
    return fmt::format(
        "check {}.tls: whether the listener speaks TLS at all, and that tls.ca signed its "
        "certificate",
        place);
  }
  if (CodeOf(code) == ErrorCode::kUnavailable) {
    return fmt::format("check {}.bootstrap_servers, and that the broker runs", place);
  }
  return {};
}

std::string_view MechanismName(SaslMechanism mechanism) {
  switch (mechanism) {
    case SaslMechanism::kPlain:
      return "PLAIN";
    case SaslMechanism::kScramSha256:
      return "SCRAM-SHA-256";
    case SaslMechanism::kScramSha512:
      return "SCRAM-SHA-512";
    case SaslMechanism::kNone:
      break;
  }
  return "";
}

Properties ConnectionProperties(const ClientSettings& settings) {
  Properties all = {{"bootstrap.servers", settings.bootstrap_servers},
                    {"client.id", "millrace." + settings.project},
                    {"log.connection.close", "false"},
                    {"reconnect.backoff.ms", "50"},
                    {"reconnect.backoff.max.ms", "1000"},
                    {"socket.keepalive.enable", "true"},
                    {"allow.auto.create.topics", "false"},
                    {"topic.metadata.refresh.interval.ms", "60000"},
                    // Batches are checked against their CRC, as everything that is read is.
                    {"message.max.bytes", "16777216"}};
  const bool sasl = settings.sasl.mechanism != SaslMechanism::kNone;
  all["security.protocol"] = sasl ? (settings.tls.enabled ? "sasl_ssl" : "sasl_plaintext")
                                  : (settings.tls.enabled ? "ssl" : "plaintext");
  if (sasl) {
    all["sasl.mechanism"] = MechanismName(settings.sasl.mechanism);
    all["sasl.username"] = settings.sasl.user;
  }
  if (settings.tls.enabled) {
    if (!settings.tls.ca_file.empty()) all["ssl.ca.location"] = settings.tls.ca_file;
    if (!settings.tls.certificate_file.empty())
      all["ssl.certificate.location"] = settings.tls.certificate_file;
    if (!settings.tls.key_file.empty()) all["ssl.key.location"] = settings.tls.key_file;
    all["ssl.endpoint.identification.algorithm"] = settings.tls.verify_host ? "https" : "none";
  }
  return all;
}

Status SetProperty(rd_kafka_conf_t* conf, const std::string& place, const std::string& name,
                   const std::string& value) {
  std::array<char, 256> text{};
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text.data(), text.size()) ==
      RD_KAFKA_CONF_OK)
    return {};
  return Fail(ErrorCode::kInvalidArgument, "{}: librdkafka refuses {}: {}", place, name,
              text.data());
}

}  // namespace

bool MayBecomeKnown(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
      return true;
    default:
      return false;
  }
}

void Trouble::Note(rd_kafka_resp_err_t code, std::string_view text) {
  const std::lock_guard lock(mutex_);
  const int weight = WeightOf(code);
  if (weight < weight_) return;
  weight_ = weight;
  code_ = code;
  text_ = text;
}

void Trouble::Clear() {
  const std::lock_guard lock(mutex_);
  weight_ = 0;
  code_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  text_.clear();
}

Error Trouble::Explain(const ClientSettings& settings, rd_kafka_resp_err_t fallback,
                       std::string_view what) const {
  const std::lock_guard lock(mutex_);
  const bool known = weight_ >= WeightOf(fallback) && CodeOf(fallback) == ErrorCode::kUnavailable;
  const rd_kafka_resp_err_t code = known ? code_ : fallback;
  const std::string text = known ? text_ : rd_kafka_err2str(fallback);
  return {CodeOf(code), fmt::format("Kafka at {}: {}: {}", settings.bootstrap_servers, what, text),
          CureOf(code, text, settings)};
}

Result<std::unique_ptr<Handle>> Handle::Open(const ClientSettings& settings, Kind kind,
                                             const Properties& properties) {
  std::unique_ptr<Handle> handle(new Handle(settings));
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  const auto configure = [&]() -> Status {
    Properties all = ConnectionProperties(settings);
    for (const auto& [name, value] : properties) all[name] = value;
    for (const auto& [name, value] : all) MR_TRY(SetProperty(conf, settings.place, name, value));
    if (settings.sasl.mechanism == SaslMechanism::kNone) return {};
    return SetProperty(conf, settings.place + ".sasl.password", "sasl.password",
                       std::string(settings.sasl.password.Reveal()));
  };
  if (Status configured = configure(); !configured) {
    rd_kafka_conf_destroy(conf);
    return std::unexpected(std::move(configured).error());
  }
  rd_kafka_conf_set_opaque(conf, handle.get());
  rd_kafka_conf_set_error_cb(conf, &Handle::OnError);
  rd_kafka_conf_set_log_cb(conf, &Handle::OnLog);
  if (kind == Kind::kProducer) rd_kafka_conf_set_dr_msg_cb(conf, &Handle::OnDelivery);
  std::array<char, 512> text{};
  handle->client_ = rd_kafka_new(kind == Kind::kProducer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER,
                                 conf, text.data(), text.size());
  if (handle->client_ == nullptr) {
    rd_kafka_conf_destroy(conf);
    return Fail(ErrorCode::kInvalidArgument, "{}: librdkafka refuses the settings: {}",
                settings.place, text.data());
  }
  return handle;
}

Handle::~Handle() {
  if (client_ != nullptr) rd_kafka_destroy_flags(client_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

Error Handle::ErrorOf(rd_kafka_resp_err_t code, std::string_view what) {
  Poll();
  return trouble_.Explain(settings_, code, what);
}

rd_kafka_resp_err_t Handle::TakeDeliveryError() {
  Poll();
  const std::lock_guard lock(mutex_);
  return std::exchange(delivery_error_, RD_KAFKA_RESP_ERR_NO_ERROR);
}

void Handle::OnError(rd_kafka_t* client, int code, const char* reason, void* opaque) {
  auto error = static_cast<rd_kafka_resp_err_t>(code);
  std::string text = reason;
  if (error == RD_KAFKA_RESP_ERR__FATAL) {
    std::array<char, 512> fatal{};
    error = rd_kafka_fatal_error(client, fatal.data(), fatal.size());
    text = fatal.data();
  }
  static_cast<Handle*>(opaque)->trouble_.Note(error, text);
}

void Handle::OnLog(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  if (level > 4) return;
  logging::Debug("kafka.client",
                 {{"facility", facility}, {"text", text}, {"client", rd_kafka_name(client)}});
}

void Handle::OnDelivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  auto* const handle = static_cast<Handle*>(opaque);
  const std::lock_guard lock(handle->mutex_);
  if (handle->delivery_error_ == RD_KAFKA_RESP_ERR_NO_ERROR ||
      handle->delivery_error_ == RD_KAFKA_RESP_ERR__PURGE_QUEUE)
    handle->delivery_error_ = message->err;
}

}  // namespace millrace::kafka
