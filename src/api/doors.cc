#include "api/doors.h"

#include "api/control.h"
#include "api/metrics/exposition.h"
#include "api/request_guard.h"
#include "api/rest/problem.h"
#include "api/rest/router.h"
#include "base/logging.h"
#include "pipeline/listen_address.h"

namespace millrace::api {
namespace {

constexpr uint64_t kApiBodyBytesMax = 256 << 10;

io::HttpResponse Text(int status, std::string body) {
  return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::move(body)};
}

class DoorsImpl final : public Doors {
 public:
  explicit DoorsImpl(pipeline::Workspace& workspace)
      : workspace_(workspace), router_(workspace, stopping_) {}

  ~DoorsImpl() override {
    stopping_.Cancel();
    if (control_ != nullptr) control_->Stop();
    if (public_ != nullptr) public_->Stop();
    if (const Status removed =
            workspace_.fs().RemoveFile(ControlSocketPath(workspace_.project().data_folder));
        !removed) {
      logging::Debug("control.socket_left", {{"error", removed.error().message}});
    }
  }

  Status Listen() {
    const std::string socket = ControlSocketPath(workspace_.project().data_folder);
    // The folder's lock is ours: a socket that is there was left by a process that died.
    if (workspace_.fs().Exists(socket)) MR_TRY(workspace_.fs().RemoveFile(socket));
    io::HttpServerOptions options;
    options.body_bytes_max = uint64_t{16} << 20;
    control_ = io::HttpServer::Create(
        options, [this](const io::HttpRequest& request) { return Control(request); });
    MR_TRY(control_->ListenUnix(socket));
    const std::string& listen = workspace_.project().settings.listen;
    MR_ASSIGN(const auto address, pipeline::ParseListenAddress(listen));
    if (!address) return {};
    listen_host_ = address->host;
    // Heavy routes of the API hold a thread each; the others are for what must not wait.
    io::HttpServerOptions public_options;
    public_options.handler_threads = rest::Router::kHeavyMax + 2;
    public_options.streams_max = rest::LiveValues::kStreamsMax + rest::Router::kHeavyMax;
    public_options.connections_max = 2 * public_options.streams_max;
    public_options.body_bytes_max = kApiBodyBytesMax;
    public_ = io::HttpServer::Create(
        public_options, [this](const io::HttpRequest& request) { return Public(request); });
    auto port = public_->ListenTcp({.address = address->host, .port = address->port});
    if (!port) {
      return std::unexpected(std::move(port.error())
                                 .WithContext("api.listen " + listen)
                                 .WithHint("set api.listen to a free address, or to off"));
    }
    address_ = fmt::format("{}:{}", address->host, *port);
    return {};
  }

  void SetRunner(pipeline::Runner* runner) override {
    std::unique_lock lock(mutex_);
    if (runner == nullptr) {
      runner_ = nullptr;
      stopping_.Cancel();
      idle_.wait(lock, [this] { return using_ == 0; });
      return;
    }
    runner_ = runner;
  }

  std::string address() const override { return address_; }

 private:
  // Keeps the runner from going away while it lives.
  class RunnerUse {
   public:
    explicit RunnerUse(DoorsImpl& doors) : doors_(doors) {
      std::lock_guard lock(doors_.mutex_);
      ++doors_.using_;
      runner_ = doors_.runner_;
    }
    ~RunnerUse() {
      std::lock_guard lock(doors_.mutex_);
      --doors_.using_;
      doors_.idle_.notify_all();
    }
    RunnerUse(const RunnerUse&) = delete;
    RunnerUse& operator=(const RunnerUse&) = delete;
    pipeline::Runner* get() const { return runner_; }

   private:
    DoorsImpl& doors_;
    pipeline::Runner* runner_ = nullptr;
  };

  io::HttpResponse Control(const io::HttpRequest& request) {
    if (request.path != kOperationsPath || request.method != "POST")
      return Text(404, "POST /operations\n");
    const auto use = std::make_shared<RunnerUse>(*this);
    if (use->get() == nullptr) return Text(503, "the pipeline is starting or stopping\n");
    return Holding(use, AnswerOperation(request, workspace_, use->get(), stopping_));
  }

  // The runner stays as long as the answer's stream.
  static io::HttpResponse Holding(const std::shared_ptr<RunnerUse>& use,
                                  io::HttpResponse response) {
    if (response.stream) {
      response.stream = [use, stream = std::move(response.stream)](io::ResponseStream& out) {
        stream(out);
      };
    }
    return response;
  }

  io::HttpResponse Public(const io::HttpRequest& request) {
    const bool is_api = request.path == rest::kBasePath ||
                        request.path.starts_with(std::string(rest::kBasePath) + "/");
    if (const auto refusal = RefusalOf(request, listen_host_, is_api)) {
      return Guarded(rest::ProblemResponse({.status = 403, .code = "refused", .detail = *refusal}));
    }
    if (is_api) {
      const auto use = std::make_shared<RunnerUse>(*this);
      return Guarded(Holding(use, router_.Answer(request, use->get())));
    }
    if (request.method != "GET") return Text(405, "only GET\n");
    if (request.path == "/livez") return Text(200, "ok\n");
    const RunnerUse use(*this);
    if (request.path == "/readyz")
      return Ready(use.get(), request.Parameter("verbose").has_value());
    if (request.path == "/metrics") {
      io::HttpResponse response = Text(200, MetricsText(MetricsSource::Of(use.get())));
      response.content_type = "text/plain; version=0.0.4; charset=utf-8";
      return response;
    }
    return Text(404, "/livez, /readyz, /metrics and /api/v1 are here\n");
  }

  // What keeps a browser from making more of an answer than data.
  static io::HttpResponse Guarded(io::HttpResponse response) {
    response.headers.push_back({"Cache-Control", "no-store"});
    response.headers.push_back({"X-Content-Type-Options", "nosniff"});
    response.headers.push_back(
        {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"});
    return response;
  }

  // Ready: not on the way out, and every query runs. `verbose` names each part.
  static io::HttpResponse Ready(pipeline::Runner* runner, bool verbose) {
    if (runner == nullptr) return Text(503, "starting\n");
    const pipeline::RunnerSnapshot snapshot = runner->Snapshot();
    bool ready = !snapshot.draining;
    std::string text = snapshot.draining ? "[failed] pipeline: it stops\n" : "[ok] pipeline\n";
    const size_t damaged = runner->workspace().log().DamagedPartitions().size();
    text += damaged == 0 ? "[ok] log\n"
                         : fmt::format("[damaged] log: {} partitions are closed\n", damaged);
    text += fmt::format("[ok] tables: {}\n", runner->workspace().store().Tables().size());
    text += runner->scheduler() != nullptr ? "[ok] schedule\n" : "[off] schedule\n";
    for (const pipeline::QueryStatus& query : snapshot.queries) {
      ready = ready && query.running;
      text += fmt::format("[{}] query {}{}\n", query.running ? "ok" : "failed", query.name,
                          query.failure.empty() ? "" : ": " + query.failure);
    }
    text += ready ? "ready\n" : "not ready\n";
    return Text(ready ? 200 : 503, !ready || verbose ? text : "ready\n");
  }

  pipeline::Workspace& workspace_;
  CancelToken stopping_;
  rest::Router router_;
  std::string listen_host_;
  std::unique_ptr<io::HttpServer> control_;
  std::unique_ptr<io::HttpServer> public_;
  std::string address_;
  std::mutex mutex_;  // of the three below
  std::condition_variable idle_;
  pipeline::Runner* runner_ = nullptr;
  int using_ = 0;
};

}  // namespace

Result<std::unique_ptr<Doors>> Doors::Open(pipeline::Workspace& workspace) {
  auto doors = std::make_unique<DoorsImpl>(workspace);
  MR_TRY(doors->Listen());
  return doors;
}

}  // namespace millrace::api
