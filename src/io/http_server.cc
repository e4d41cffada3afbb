#include "io/http_server.h"

#include <future>
#include <list>
#include <utility>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/logging.h"
#include "io/http_response.h"

namespace millrace::io {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::milliseconds;

constexpr size_t kReadAheadBytes = 64 << 10;
constexpr milliseconds kLinger(1000);
constexpr milliseconds kAcceptPause(100);

// What the server needs of a connection, whatever its protocol.
class Connection : public ResponseWriter {
 public:
  virtual void CloseIfIdle() = 0;  // event loop only
  virtual void Close() = 0;        // event loop only
};

struct Shared {
  Shared(HttpServerOptions server_options, HttpHandler server_handler)
      : options(server_options),
        handler(std::move(server_handler)),
        handlers(static_cast<size_t>(std::max(1, server_options.handler_threads))) {}

  const HttpServerOptions options;
  const HttpHandler handler;
  std::atomic<bool> stopping = false;
  std::atomic<uint64_t> accepted = 0, refused = 0, requests = 0, bad_requests = 0;

  std::mutex mutex;
  std::condition_variable changed;
  std::map<Connection*, std::weak_ptr<Connection>> connections;  // guarded by mutex

  struct StreamThread {
    std::thread thread;
    std::atomic<bool> done = false;
  };
  std::list<StreamThread> stream_threads;  // guarded by mutex

  net::thread_pool handlers;
  net::io_context loop{1};  // last: what it still holds refers to the members above

  void Forget(Connection* connection) {
    std::lock_guard lock(mutex);
    connections.erase(connection);
    changed.notify_all();
  }
  bool StartStream(std::function<void()> run);
  void JoinStreams();
};

// False when streams_max are running.
bool Shared::StartStream(std::function<void()> run) {
  std::lock_guard lock(mutex);
  for (auto at = stream_threads.begin(); at != stream_threads.end();) {
    if (!at->done) {
      ++at;
      continue;
    }
    at->thread.join();
    at = stream_threads.erase(at);
  }
  if (static_cast<int>(stream_threads.size()) >= options.streams_max) return false;
  StreamThread& stream = stream_threads.emplace_back();
  stream.thread = std::thread([&stream, run = std::move(run)]() mutable {
    run();
    run = nullptr;  // lets go of the connection before the thread counts as done
    stream.done = true;
  });
  return true;
}

void Shared::JoinStreams() {
  std::list<StreamThread> ended;
  {
    std::lock_guard lock(mutex);
    ended.swap(stream_threads);
  }
  for (StreamThread& stream : ended) stream.thread.join();
}

// One connection: reads a request, hands it to a handler thread, writes the response, and again.
// Everything here runs on the event loop unless said otherwise; pending operations keep it alive.
template <typename Protocol>
class Session final : public Connection, public std::enable_shared_from_this<Session<Protocol>> {
 public:
  Session(Shared& shared, typename Protocol::socket socket)
      : shared_(shared),
        stream_(std::move(socket)),
        buffer_(shared.options.header_bytes_max + kReadAheadBytes) {}
  ~Session() override { shared_.Forget(this); }

  void Start() {
    {
      std::lock_guard lock(shared_.mutex);
      shared_.connections[this] = this->weak_from_this();
    }
    ReadRequest();
  }

  void RefuseAsBusy() {
    keep_alive_ = false;
    Respond(PlainHttpResponse(503, "too many connections"));
  }

  std::string WriteAndWait(const std::array<std::string_view, 4>& pieces) override {
    auto done = std::make_shared<std::promise<error_code>>();
    auto future = done->get_future();
    const std::array<net::const_buffer, 4> buffers = {
        net::buffer(pieces[0]), net::buffer(pieces[1]), net::buffer(pieces[2]),
        net::buffer(pieces[3])};
    net::post(shared_.loop, [self = this->shared_from_this(), buffers, done] {
      self->stream_.expires_after(self->shared_.options.write_max);
      net::async_write(self->stream_, buffers,
                       [self, done](error_code error, size_t) { done->set_value(error); });
    });
    const error_code error = future.get();
    return error ? error.message() : std::string();
  }

  void CloseIfIdle() override {
    if (idle_) Close();
  }
  void Close() override {
    error_code ignored;
    stream_.socket().close(ignored);
  }

 private:
  void ReadRequest() {
    if (shared_.stopping) return Close();
    parser_.emplace();
    parser_->header_limit(shared_.options.header_bytes_max);
    parser_->body_limit(shared_.options.body_bytes_max);
    parser_->eager(true);
    idle_ = true;
    continued_ = false;
    stream_.expires_after(shared_.options.idle_max);
    ReadSome();
  }

  void ReadSome() {
    http::async_read_some(
        stream_, buffer_, *parser_,
        [self = this->shared_from_this()](error_code error, size_t) { self->OnRead(error); });
  }

  void OnRead(error_code error) {
    if (error) return OnReadError(error);
    if (idle_) stream_.expires_after(shared_.options.request_max);
    idle_ = false;
    if (parser_->is_done()) return Dispatch();
    const bool asks = parser_->is_header_done() && !continued_ &&
                      beast::iequals(parser_->get()[http::field::expect], "100-continue");
    if (!asks) return ReadSome();
    continued_ = true;
    net::async_write(stream_, net::buffer(std::string_view("HTTP/1.1 100 Continue\r\n\r\n")),
                     [self = this->shared_from_this()](error_code failed, size_t) {
                       if (!failed) self->ReadSome();
                     });
  }

  void OnReadError(error_code error) {
    const bool ours = error.category() == make_error_code(http::error::bad_method).category();
    const bool left = error == http::error::end_of_stream || error == http::error::partial_message;
    if (!ours || left) {
      if (!idle_) ++shared_.bad_requests;
      return Close();
    }
    ++shared_.bad_requests;
    idle_ = false;
    keep_alive_ = false;
    if (error == http::error::header_limit || error == http::error::buffer_overflow)
      return Respond(PlainHttpResponse(431, "the request's header is too large"));
    if (error == http::error::body_limit)
      return Respond(PlainHttpResponse(413, "the request's body is too large"));
    Respond(PlainHttpResponse(400, "the request is not HTTP/1.1: " + error.message()));
  }

  void Dispatch() {
    auto message = parser_->release();
    keep_alive_ = message.keep_alive() && !shared_.stopping;
    version_ = static_cast<int>(message.version());
    head_only_ = message.method() == http::verb::head;
    auto request = std::make_shared<HttpRequest>(MakeRequest(message));
    if (request->target.empty() || request->target[0] != '/') {
      keep_alive_ = false;
      return Respond(PlainHttpResponse(400, "the request's target does not start with '/'"));
    }
    ++shared_.requests;
    stream_.expires_never();
    net::post(shared_.handlers, [self = this->shared_from_this(), request] {
      auto response =
          std::make_shared<HttpResponse>(CallHttpHandler(self->shared_.handler, *request));
      net::post(self->shared_.loop, [self, response] { self->Respond(std::move(*response)); });
    });
  }

  static HttpRequest MakeRequest(http::request<http::string_body>& message) {
    HttpRequest request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    const size_t question = request.target.find('?');
    request.path = PercentDecode(std::string_view(request.target).substr(0, question), false);
    if (question != std::string::npos) request.query = request.target.substr(question + 1);
    for (const auto& field : message)
      request.headers.push_back({std::string(field.name_string()), std::string(field.value())});
    request.body = std::move(message.body());
    request.from_unix_socket = std::is_same_v<Protocol, net::local::stream_protocol>;
    return request;
  }

  void Respond(HttpResponse response) {
    if (shared_.stopping) keep_alive_ = false;
    if (response.stream && !head_only_) return RespondWithStream(std::move(response));
    const bool has_length = !response.stream || response.stream_length;
    const uint64_t length =
        response.stream ? response.stream_length.value_or(0) : response.body.size();
    head_ = FormatHttpHead(response, has_length ? std::optional(length) : std::nullopt, false,
                           keep_alive_);
    body_ = head_only_ ? std::string() : std::move(response.body);
    stream_.expires_after(shared_.options.write_max);
    net::async_write(stream_,
                     std::array<net::const_buffer, 2>{net::buffer(head_), net::buffer(body_)},
                     [self = this->shared_from_this()](error_code error, size_t) {
                       self->body_ = {};
                       if (!error) self->AfterResponse();
                     });
  }

  void RespondWithStream(HttpResponse response) {
    const bool chunked = !response.stream_length && version_ >= 11;
    if (!response.stream_length && !chunked) keep_alive_ = false;
    auto head = FormatHttpHead(response, response.stream_length, chunked, keep_alive_);
    const auto length = response.stream_length;
    auto self = this->shared_from_this();
    auto run = [self, chunked, length, head, produce = std::move(response.stream)] {
      FramedStream stream(*self, self->shared_.stopping, head, chunked, length);
      bool whole = false;
      try {
        produce(stream);
        whole = stream.End();
      } catch (const std::exception& thrown) {
        logging::Error("http.stream_failed", {{"reason", thrown.what()}});
      }
      net::post(self->shared_.loop,
                [self, whole] { whole ? self->AfterResponse() : self->Close(); });
    };
    if (shared_.StartStream(std::move(run))) return;
    Respond(PlainHttpResponse(503, "too many streams are open"));
  }

  void AfterResponse() {
    if (keep_alive_) return ReadRequest();
    error_code ignored;
    stream_.socket().shutdown(net::socket_base::shutdown_send, ignored);
    stream_.expires_after(kLinger);
    Linger();
  }

  // Takes what the peer still sends, so that closing does not destroy the answer on its way.
  void Linger() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(4096),
                            [self = this->shared_from_this()](error_code error, size_t) {
                              if (!error) return self->Linger();
                              self->Close();
                            });
  }

  Shared& shared_;
  beast::basic_stream<Protocol> stream_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::string head_;
  std::string body_;
  bool idle_ = false;       // waits for the first byte of a request
  bool continued_ = false;  // "100 Continue" was sent
  bool keep_alive_ = false;
  bool head_only_ = false;
  int version_ = 11;
};

class Listener {
 public:
  virtual ~Listener() = default;
  virtual void Start() = 0;
  virtual void Close() = 0;  // event loop only
};

template <typename Protocol>
class ListenerOf final : public Listener,
                         public std::enable_shared_from_this<ListenerOf<Protocol>> {
 public:
  ListenerOf(Shared& shared, typename Protocol::acceptor acceptor)
      : shared_(shared), acceptor_(std::move(acceptor)), pause_(shared.loop) {}

  void Start() override {
    acceptor_.async_accept(
        [self = this->shared_from_this()](error_code error, typename Protocol::socket socket) {
          self->OnAccept(error, std::move(socket));
        });
  }
  void Close() override {
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  }

 private:
  void OnAccept(error_code error, typename Protocol::socket socket) {
    if (shared_.stopping || error == net::error::operation_aborted) return;
    if (error) {  // no file descriptor left, or the peer went: the next try is a little later
      logging::Warning("http.accept_failed", {{"reason", error.message()}});
      pause_.expires_after(kAcceptPause);
      return pause_.async_wait([self = this->shared_from_this()](error_code cancelled) {
        if (!cancelled) self->Start();
      });
    }
    Admit(std::move(socket));
    Start();
  }

  void Admit(typename Protocol::socket socket) {
    ++shared_.accepted;
    if constexpr (std::is_same_v<Protocol, net::ip::tcp>) {
      error_code ignored;
      socket.set_option(net::ip::tcp::no_delay(true), ignored);
    }
    bool busy = false;
    {
      std::lock_guard lock(shared_.mutex);
      busy = static_cast<int>(shared_.connections.size()) >= shared_.options.connections_max;
    }
    auto session = std::make_shared<Session<Protocol>>(shared_, std::move(socket));
    if (!busy) return session->Start();
    ++shared_.refused;
    session->RefuseAsBusy();
  }

  Shared& shared_;
  typename Protocol::acceptor acceptor_;
  net::steady_timer pause_;
};

// Frees a socket path left by a process that died.
Status RemoveStaleSocket(const std::string& path) {
  struct stat info{};
  if (lstat(path.c_str(), &info) != 0) return {};
  if (!S_ISSOCK(info.st_mode))
    return Fail(ErrorCode::kAlreadyExists, "cannot listen on {}: it is a file, not a socket", path);
  net::io_context loop;
  net::local::stream_protocol::socket probe(loop);
  error_code error;
  probe.connect(net::local::stream_protocol::endpoint(path), error);
  if (!error)
    return Fail(ErrorCode::kUnavailable, "cannot listen on {}: another process does", path);
  if (unlink(path.c_str()) != 0) return FailErrno(errno, "cannot remove the stale socket " + path);
  return {};
}

class Server final : public HttpServer {
 public:
  Server(HttpServerOptions options, HttpHandler handler)
      : shared_(options, std::move(handler)),
        work_(net::make_work_guard(shared_.loop)),
        thread_([this] { shared_.loop.run(); }) {}
  ~Server() override { Stop(milliseconds(2000)); }

  Result<uint16_t> ListenTcp(const HttpListenTcp& where) override {
    error_code error;
    const auto address = net::ip::make_address(where.address, error);
    if (error)
      return Fail(ErrorCode::kInvalidArgument, "cannot listen on '{}': not a numeric IP address",
                  where.address);
    if (!address.is_loopback() && !where.allow_public) {
      auto failed = Fail(ErrorCode::kInvalidArgument,
                         "cannot listen on {}: it is not a loopback address", where.address);
      failed.error().hint = "bind to 127.0.0.1, or configure authentication first";
      return failed;
    }
    net::ip::tcp::acceptor acceptor(shared_.loop);
    MR_TRY(Bind(acceptor, net::ip::tcp::endpoint(address, where.port),
                fmt::format("{}:{}", where.address, where.port)));
    const uint16_t port = acceptor.local_endpoint(error).port();
    MR_TRY(Serve<net::ip::tcp>(std::move(acceptor), where.address));
    return port;
  }

  Status ListenUnix(const std::string& path) override {
    if (path.size() >= sizeof(sockaddr_un::sun_path))
      return Fail(ErrorCode::kInvalidArgument,
                  "cannot listen on {}: {} characters, a socket path has at most {}", path,
                  path.size(), sizeof(sockaddr_un::sun_path) - 1);
    MR_TRY(RemoveStaleSocket(path));
    net::local::stream_protocol::acceptor acceptor(shared_.loop);
    MR_TRY(Bind(acceptor, net::local::stream_protocol::endpoint(path), path));
    // Nobody can connect before listen(), so there is no moment with other permissions.
    if (chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0)
      return FailErrno(errno, "cannot restrict the socket " + path);
    MR_TRY(Serve<net::local::stream_protocol>(std::move(acceptor), path));
    socket_paths_.push_back(path);
    return {};
  }

  void Stop(milliseconds grace) override {
    if (!thread_.joinable()) return;
    shared_.stopping = true;
    net::post(shared_.loop, [this] {
      for (auto& listener : listeners_) listener->Close();
      ForEachConnection([](Connection& connection) { connection.CloseIfIdle(); });
    });
    {
      std::unique_lock lock(shared_.mutex);
      shared_.changed.wait_for(lock, grace, [this] { return shared_.connections.empty(); });
    }
    net::post(shared_.loop,
              [this] { ForEachConnection([](Connection& connection) { connection.Close(); }); });
    shared_.handlers.join();
    shared_.JoinStreams();
    work_.reset();
    shared_.loop.stop();
    thread_.join();
    for (const std::string& path : socket_paths_) unlink(path.c_str());
  }

  Counters counters() const override {
    return {shared_.accepted, shared_.refused, shared_.requests, shared_.bad_requests};
  }

 private:
  template <typename Acceptor, typename Endpoint>
  static Status Bind(Acceptor& acceptor, const Endpoint& endpoint, const std::string& name) {
    error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(net::socket_base::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) return {};
    auto failed = Fail(ErrorCode::kUnavailable, "cannot listen on {}: {}", name, error.message());
    if (error == net::error::address_in_use)
      failed.error().hint = "stop its owner, or choose another";
    return failed;
  }

  template <typename Protocol>
  Status Serve(typename Protocol::acceptor acceptor, const std::string& name) {
    error_code error;
    acceptor.listen(net::socket_base::max_listen_connections, error);
    if (error)
      return Fail(ErrorCode::kUnavailable, "cannot listen on {}: {}", name, error.message());
    auto listener = std::make_shared<ListenerOf<Protocol>>(shared_, std::move(acceptor));
    net::post(shared_.loop, [this, listener] {
      listeners_.push_back(listener);
      listener->Start();
    });
    return {};
  }

  void ForEachConnection(void (*act)(Connection&)) {
    std::vector<std::shared_ptr<Connection>> open;
    {
      std::lock_guard lock(shared_.mutex);
      for (auto& [pointer, connection] : shared_.connections)
        if (auto alive = connection.lock()) open.push_back(std::move(alive));
    }
    for (auto& connection : open) act(*connection);
  }

  Shared shared_;
  std::vector<std::shared_ptr<Listener>> listeners_;  // event loop only
  std::vector<std::string> socket_paths_;
  net::executor_work_guard<net::io_context::executor_type> work_;
  std::thread thread_;
};

}  // namespace

std::optional<std::string> HttpRequest::Parameter(std::string_view name) const {
  for (auto& [key, value] : ParseQuery(query))
    if (key == name) return value;
  return std::nullopt;
}

std::unique_ptr<HttpServer> HttpServer::Create(HttpServerOptions options, HttpHandler handler) {
  return std::make_unique<Server>(options, std::move(handler));
}

}  // namespace millrace::io
