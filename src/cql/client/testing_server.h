// TestServer: a node of one, built from the codec, on a loopback port: tests decide how it answers.
//
//   TestServer server({.version_most = 4});
//   server.on_write = [](const ReceivedWrite&) -> TestServer::Reply { return {}; };
//   auto client = Client::Open(server.Options());
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cql/client/options.h"
#include "cql/wire/frame_stream.h"
#include "cql/wire/request.h"
#include "cql/wire/response.h"

namespace millrace::cql {

struct TestServerOptions {
  uint8_t version_most = 5;
  std::string password{};  // empty: no login
  std::string greeting{};  // sent in place of any answer: another protocol
  uint16_t port = 0;       // 0: any
};

// Rows of one EXECUTE or BATCH: the encoded values of each.
struct ReceivedWrite {
  bool batch = false;
  std::string statement_id;
  wire::Consistency consistency = wire::Consistency::kAny;
  std::vector<std::string> rows;
};

class TestServer {
 public:
  explicit TestServer(TestServerOptions options) : options_(std::move(options)) { Start(); }
  ~TestServer() { Stop(); }

  // Empty optional: no answer; the connection is cut instead where `cut` says so.
  struct Reply {
    std::optional<wire::Response> response = wire::Response(wire::ResultBody{wire::VoidResult{}});
    bool cut = false;
  };
  std::function<Reply(const ReceivedWrite&)> on_write;

  ClientOptions Options() const {
    ClientOptions options;
    options.port = port_;
    options.retry_timeout = std::chrono::milliseconds(20000);
    return options;
  }
  uint16_t port() const { return port_; }
  int connections() const { return connections_; }
  int prepares() const { return prepares_; }
  std::vector<ReceivedWrite> writes() {
    const std::lock_guard lock(mutex_);
    return writes_;
  }
  // What clients prepared is forgotten, as after a restart.
  void ForgetPrepared() {
    const std::lock_guard lock(mutex_);
    prepared_.clear();
  }
  // Closes the port and all connections; Start opens the same port again.
  void Stop() {
    ::shutdown(listener_, SHUT_RDWR);
    if (acceptor_.joinable()) acceptor_.join();
    ::close(listener_);
    {
      const std::lock_guard lock(mutex_);
      for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
    }
    for (std::thread& session : sessions_) session.join();
    sessions_.clear();
    sockets_.clear();
  }
  void Start() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_ != 0 ? port_ : options_.port);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    ::listen(listener_, 16);
    socklen_t size = sizeof(address);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }

 private:
  struct Session {
    int socket;
    uint8_t version = 0;
    wire::FrameDecoder decoder{{}};
    wire::FrameEncoder encoder{};
    wire::Compression compression = wire::Compression::kNone;
    bool switch_after = false;  // in v5 the answer to STARTUP is sent as it came
  };

  void Accept() {
    while (true) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      ++connections_;
      const std::lock_guard lock(mutex_);
      sockets_.push_back(socket);
      sessions_.emplace_back([this, socket] { Serve(socket); });
    }
  }

  void Serve(int socket) {
    Session session{.socket = socket};
    std::vector<char> bytes(size_t{64} << 10);
    bool open = true;
    while (open) {
      const ssize_t got = ::recv(socket, bytes.data(), bytes.size(), 0);
      if (got <= 0) break;
      if (!options_.greeting.empty()) {
        ::send(socket, options_.greeting.data(), options_.greeting.size(), MSG_NOSIGNAL);
        break;
      }
      session.decoder.Feed({bytes.data(), static_cast<size_t>(got)});
      while (open) {
        const auto frame = session.decoder.Next();
        if (!frame || !*frame) {
          open = frame.has_value();
          break;
        }
        open = Answer(session, **frame);
      }
    }
    ::shutdown(socket, SHUT_RDWR);
  }

  bool Answer(Session& session, const wire::Frame& frame) {
    Reply reply;
    session.version = std::min(frame.header.version, options_.version_most);
    if (frame.header.version > options_.version_most) {
      reply.response = wire::ErrorResponse{
          .kind = wire::ErrorKind::kProtocol,
          .message = "Invalid or unsupported protocol version (5); supported versions are (4/v4)"};
    } else {
      const auto request = wire::DecodeRequest(frame.header, frame.body);
      if (!request) return false;
      reply = ReplyTo(session, *request);
    }
    if (reply.response) {
      std::string plain;
      wire::AppendResponse(*reply.response, session.version, frame.header.stream, plain);
      std::string out;
      session.encoder.Append(plain, out);
      ::send(session.socket, out.data(), out.size(), MSG_NOSIGNAL);
    }
    if (session.switch_after) Switch(session);
    return !reply.cut;
  }

  void Switch(Session& session) {
    session.switch_after = false;
    if (session.version >= 5) {
      session.encoder.SwitchToSegments(session.compression);
      session.decoder.SwitchToSegments(session.compression);
    } else if (session.compression == wire::Compression::kLz4) {
      session.encoder.CompressFrames();
      session.decoder.AllowCompressedFrames();
    }
  }

  Reply ReplyTo(Session& session, const wire::Request& request) {
    if (const auto* startup = std::get_if<wire::StartupRequest>(&request)) {
      for (const auto& [name, value] : startup->options) {
        if (name == "COMPRESSION") session.compression = wire::Compression::kLz4;
      }
      session.switch_after = true;
      // As Cassandra does: in v4 its answer to STARTUP is compressed already.
      if (session.version < 5) Switch(session);
      if (options_.password.empty()) return {wire::ReadyResponse{}};
      return {wire::AuthenticateResponse{"PasswordAuthenticator"}};
    }
    if (const auto* login = std::get_if<wire::AuthResponse>(&request)) {
      if (login->token && login->token->ends_with('\0' + options_.password))
        return {wire::AuthSuccess{}};
      return {wire::ErrorResponse{.kind = wire::ErrorKind::kBadCredentials,
                                  .message = "Provided username and/or password are incorrect"}};
    }
    if (const auto* query = std::get_if<wire::QueryRequest>(&request)) return Select(query->text);
    if (const auto* prepare = std::get_if<wire::PrepareRequest>(&request))
      return Prepare(prepare->text);
    if (const auto* execute = std::get_if<wire::ExecuteRequest>(&request)) {
      return Write({false,
                    std::string(execute->id),
                    execute->parameters.consistency,
                    {std::string(execute->parameters.values)}});
    }
    if (const auto* batch = std::get_if<wire::BatchRequest>(&request)) {
      ReceivedWrite write{
          true, std::string(batch->statements[0].what), batch->parameters.consistency, {}};
      for (const auto& statement : batch->statements) write.rows.emplace_back(statement.values);
      return Write(write);
    }
    return {wire::ReadyResponse{}};
  }

  Reply Select(std::string_view text) {
    using store::CqlKind;
    using store::CqlType;
    const bool local = text.find("system.local") != std::string_view::npos;
    wire::RowsResult rows;
    const CqlType tokens = CqlType::Set(CqlType(CqlKind::kText));
    if (local) {
      rows.metadata.columns = {{"system", "local", "data_center", CqlType(CqlKind::kText)},
                               {"system", "local", "release_version", CqlType(CqlKind::kText)},
                               {"system", "local", "partitioner", CqlType(CqlKind::kText)},
                               {"system", "local", "tokens", tokens}};
      std::string set;
      AppendBig(set, int32_t{1});
      wire::AppendBytes(set, "0");
      const std::lock_guard lock(mutex_);
      cells_.clear();
      for (const std::string& cell : {std::string("datacenter1"), std::string("5.0.0"),
                                      std::string("x.Murmur3Partitioner"), set})
        wire::AppendBytes(cells_, cell);
      rows.row_count = 1;
      rows.cells = cells_;
    } else {
      rows.metadata.columns = {{"system", "peers", "peer", CqlType(CqlKind::kInet)},
                               {"system", "peers", "rpc_address", CqlType(CqlKind::kInet)},
                               {"system", "peers", "data_center", CqlType(CqlKind::kText)},
                               {"system", "peers", "tokens", tokens}};
    }
    rows.metadata.column_count = 4;
    return {wire::ResultBody{rows}};
  }

  Reply Prepare(std::string_view text) {
    const std::lock_guard lock(mutex_);
    ++prepares_;
    const auto known =
        prepared_.emplace(text, fmt::format("{:016x}", std::hash<std::string_view>{}(text)));
    wire::PreparedResult prepared{.id = known.first->second, .result_metadata_id = "meta"};
    for (const char c : text) {
      if (c == '?') prepared.variables.push_back({"ks", "t", "v", store::CqlType()});
    }
    return {wire::ResultBody{prepared}};
  }

  Reply Write(ReceivedWrite write) {
    {
      const std::lock_guard lock(mutex_);
      bool known = false;
      for (const auto& [text, id] : prepared_) known = known || id == write.statement_id;
      if (!known) {
        return {wire::ErrorResponse{.kind = wire::ErrorKind::kUnprepared,
                                    .message = "unknown id",
                                    .prepared_id = "unknown"}};
      }
    }
    Reply reply = on_write ? on_write(write) : Reply();
    const std::lock_guard lock(mutex_);
    if (reply.response && std::holds_alternative<wire::ResultBody>(*reply.response))
      writes_.push_back(std::move(write));
    return reply;
  }

  const TestServerOptions options_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::atomic<int> prepares_ = 0;
  std::string cells_;
  std::thread acceptor_;
  std::mutex mutex_;
  std::list<std::thread> sessions_;
  std::vector<int> sockets_;
  std::map<std::string, std::string, std::less<>> prepared_;
  std::vector<ReceivedWrite> writes_;
};

}  // namespace millrace::cql
