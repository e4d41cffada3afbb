// Connection::Open: connecting, agreeing on a version, logging in.
#include <algorithm>

#include "cql/client/connection.h"

namespace millrace::cql {
namespace {

// How long the node's first answers are waited for.
class Deadline {
 public:
  explicit Deadline(std::chrono::milliseconds timeout)
      : at_(std::chrono::steady_clock::now() + timeout) {}
  std::chrono::milliseconds Left() const {
    return std::max(std::chrono::milliseconds(0),
                    std::chrono::duration_cast<std::chrono::milliseconds>(
                        at_ - std::chrono::steady_clock::now()));
  }

 private:
  std::chrono::steady_clock::time_point at_;
};

}  // namespace

class Handshake {
 public:
  Handshake(Connection& connection, const ClientOptions& options)
      : connection_(connection), options_(options), deadline_(options.connect_timeout) {}

  // False: the node does not speak this version.
  Result<bool> Run(uint8_t version);

 private:
  Result<wire::Frame> Ask(const wire::Request& request);
  Status LogIn(std::string_view authenticator);
  Status Put(std::string_view out);
  Result<wire::Frame> Take();
  void StartEncoding();

  std::string Place() const { return fmt::format("{}:{}", connection_.host_, options_.port); }

  Connection& connection_;
  const ClientOptions& options_;
  Deadline deadline_;
};

Result<bool> Handshake::Run(uint8_t version) {
  connection_.version_ = version;
  MR_ASSIGN(connection_.socket_, io::StreamSocket::Connect({.host = connection_.host_,
                                                            .port = options_.port,
                                                            .timeout = options_.connect_timeout,
                                                            .tls = options_.tls}));
  wire::StartupRequest startup{{{"CQL_VERSION", "3.0.0"}, {"DRIVER_NAME", "millrace"}}};
  if (options_.compression == wire::Compression::kLz4) {
    startup.options.emplace_back("COMPRESSION", "lz4");
    // In v4 the answer to STARTUP is compressed already.
    if (version < 5) connection_.decoder_.AllowCompressedFrames();
  }
  MR_ASSIGN(const wire::Frame frame, Ask(startup));
  if (frame.header.version != version) return false;
  MR_ASSIGN(const auto response, wire::DecodeResponse(frame.header, frame.body));
  if (const auto* error = std::get_if<wire::ErrorResponse>(&response)) {
    if (error->kind == wire::ErrorKind::kProtocol) return false;
    return std::unexpected(ToError(*error, connection_.host_, options_));
  }
  const auto* authenticate = std::get_if<wire::AuthenticateResponse>(&response);
  const std::string authenticator(authenticate == nullptr ? "" : authenticate->authenticator);
  StartEncoding();
  if (!authenticator.empty()) MR_TRY(LogIn(authenticator));
  return true;
}

// After the answer to STARTUP, v5 goes on in segments and v4 with bodies that may be compressed.
void Handshake::StartEncoding() {
  if (connection_.version_ >= 5) {
    connection_.encoder_.SwitchToSegments(options_.compression);
    connection_.decoder_.SwitchToSegments(options_.compression);
  } else if (options_.compression == wire::Compression::kLz4) {
    connection_.encoder_.CompressFrames();
  }
}

Status Handshake::LogIn(std::string_view authenticator) {
  if (options_.user.empty()) {
    return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                 fmt::format("node {} wants a login ({})", Place(), authenticator),
                                 fmt::format("set {0}.user and {0}.password", options_.settings)});
  }
  // SASL PLAIN: authorisation id (none), user, password.
  std::string token;
  token.push_back('\0');
  token.append(options_.user).push_back('\0');
  token.append(options_.password.Reveal());
  const auto frame = Ask(wire::AuthResponse{token});
  std::fill(token.begin(), token.end(), '\0');
  if (!frame) return std::unexpected(frame.error());
  MR_ASSIGN(const auto response, wire::DecodeResponse(frame->header, frame->body));
  if (const auto* error = std::get_if<wire::ErrorResponse>(&response))
    return std::unexpected(ToError(*error, connection_.host_, options_));
  if (std::holds_alternative<wire::AuthSuccess>(response)) return {};
  return Fail(ErrorCode::kUnsupported, "node {}: {} asks more than user and password", Place(),
              authenticator);
}

Result<wire::Frame> Handshake::Ask(const wire::Request& request) {
  std::string frame;
  wire::AppendRequest(request, connection_.version_, 0, frame);
  std::string out;
  connection_.encoder_.Append(frame, out);
  Status sent = Put(out);
  if (sent) {
    auto answer = Take();
    if (answer) return answer;
    sent = std::unexpected(std::move(answer.error()));
  }
  return std::unexpected(Error{
      sent.error().code == ErrorCode::kTimeout ? ErrorCode::kTimeout : ErrorCode::kUnavailable,
      fmt::format("what answers at {} does not speak CQL as asked: {}", Place(),
                  sent.error().message),
      fmt::format("check {0}.contact_points and {0}.port; {1}", options_.settings,
                  options_.tls
                      ? "the node may not have TLS there"
                      : fmt::format("if the node wants TLS, set {}.tls", options_.settings))});
}

Status Handshake::Put(std::string_view out) {
  while (!out.empty()) {
    MR_ASSIGN(const size_t wrote, connection_.socket_->Write(out));
    out.remove_prefix(wrote);
    if (wrote > 0) continue;
    if (deadline_.Left().count() == 0) return Fail(ErrorCode::kTimeout, "it takes no bytes");
    connection_.socket_->Wait(true, deadline_.Left());
  }
  return {};
}

Result<wire::Frame> Handshake::Take() {
  char bytes[4096];
  while (true) {
    MR_ASSIGN(const auto frame, connection_.decoder_.Next());
    if (frame) return *frame;
    MR_ASSIGN(const size_t got, connection_.socket_->Read(bytes, sizeof(bytes)));
    if (got > 0) {
      connection_.decoder_.Feed({bytes, got});
      continue;
    }
    if (deadline_.Left().count() == 0)
      return Fail(ErrorCode::kTimeout, "no answer within {} ms", options_.connect_timeout.count());
    connection_.socket_->Wait(false, deadline_.Left());
  }
}

Result<std::unique_ptr<Connection>> Connection::Open(const std::string& host,
                                                     const ClientOptions& options) {
  for (uint8_t version = options.version_most; version >= wire::kVersionLeast; --version) {
    std::unique_ptr<Connection> connection(new Connection(host, options));
    auto agreed = Handshake(*connection, options).Run(version);
    if (!agreed) {
      Error error = std::move(agreed.error());
      if (error.hint.empty())
        error.hint =
            fmt::format("check {0}.contact_points, {0}.port and {0}.tls", options.settings);
      return std::unexpected(std::move(error));
    }
    if (!*agreed) continue;
    connection->thread_ = std::thread([raw = connection.get()] { raw->Run(); });
    return connection;
  }
  return std::unexpected(Error{
      ErrorCode::kUnsupported,
      fmt::format("node {}:{} speaks neither version 5 nor 4 of the protocol", host, options.port),
      "Cassandra 3.0 and later do"});
}

Error ToError(const wire::ErrorResponse& error, const std::string& host,
              const ClientOptions& options) {
  Error ours{ErrorCode::kInvalidArgument,
             fmt::format("node {}:{}, {}: {}", host, options.port, ErrorKindName(error.kind),
                         error.message),
             {}};
  if (error.kind == wire::ErrorKind::kBadCredentials) {
    ours.hint = fmt::format("check {0}.user and {0}.password", options.settings);
  } else if (error.kind == wire::ErrorKind::kUnauthorized) {
    ours.hint = fmt::format("grant it to the user of {}.user", options.settings);
  } else if (error.kind == wire::ErrorKind::kAlreadyExists) {
    ours.code = ErrorCode::kAlreadyExists;
  } else if (error.kind == wire::ErrorKind::kProtocol) {
    ours.code = ErrorCode::kInternal;
  } else if (MayPass(error)) {
    ours.code = ErrorCode::kUnavailable;
    if (error.kind == wire::ErrorKind::kUnavailable)
      ours.hint =
          fmt::format("{} of {} replicas that {}.consistency: {} needs are up", error.received,
                      error.required, options.settings, ConsistencyName(error.consistency));
  }
  return ours;
}

bool MayPass(const wire::ErrorResponse& error) {
  switch (error.kind) {
    case wire::ErrorKind::kServer:
    case wire::ErrorKind::kUnavailable:
    case wire::ErrorKind::kOverloaded:
    case wire::ErrorKind::kBootstrapping:
    case wire::ErrorKind::kWriteTimeout:
    case wire::ErrorKind::kReadTimeout:
    case wire::ErrorKind::kReadFailure:
    case wire::ErrorKind::kWriteFailure:
      return true;
    default:
      return false;
  }
}

}  // namespace millrace::cql
