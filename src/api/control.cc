#include "api/control.h"

#include <charconv>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"

namespace millrace::api {
namespace {

constexpr size_t kFieldsMax = 10000;

void AppendField(std::string& to, std::string_view bytes) {
  AppendBig(to, static_cast<uint32_t>(bytes.size()));
  to += bytes;
}

std::string_view ReadField(ByteReader& reader) { return reader.Bytes(reader.Big<uint32_t>()); }

Result<size_t> ReadCount(ByteReader& reader) {
  const std::string_view text = ReadField(reader);
  size_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count > kFieldsMax) {
    return Fail(ErrorCode::kInvalidArgument, "operation request: \"{}\" is no count",
                text.substr(0, 20));
  }
  return count;
}

std::string Frame(char kind, std::string_view bytes) {
  std::string frame(1, kind);
  AppendField(frame, bytes);
  return frame;
}

std::string EndFrame(const Status& status) {
  std::string body(1, status ? 1 : 0);
  if (!status) {
    AppendField(body, ErrorCodeName(status.error().code));
    AppendField(body, status.error().message);
    AppendField(body, status.error().hint);
  }
  return Frame('x', body);
}

ErrorCode CodeOf(std::string_view name) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    if (ErrorCodeName(static_cast<ErrorCode>(code)) == name) return static_cast<ErrorCode>(code);
  }
  return ErrorCode::kInternal;
}

class StreamOutput final : public pipeline::Output {
 public:
  StreamOutput(io::ResponseStream& stream, CancelToken& cancel)
      : stream_(stream), cancel_(cancel) {}
  Status Write(std::string_view text) override { return Send('o', text); }
  Status Note(std::string_view text) override { return Send('e', text); }

 private:
  Status Send(char kind, std::string_view text) {
    Status sent = stream_.Write(Frame(kind, text));
    if (!sent) cancel_.Cancel();
    return sent;
  }
  io::ResponseStream& stream_;
  CancelToken& cancel_;
};

// Cuts the answer's bytes into frames as they come.
class FrameReader {
 public:
  explicit FrameReader(pipeline::Output& output) : output_(output) {}

  Status Take(std::string_view bytes) {
    pending_ += bytes;
    size_t at = 0;
    while (pending_.size() - at >= 5) {
      const uint32_t size = LoadBig<uint32_t>(pending_.data() + at + 1);
      if (pending_.size() - at - 5 < size) break;
      MR_TRY(Handle(pending_[at], std::string_view(pending_).substr(at + 5, size)));
      at += 5 + size;
    }
    pending_.erase(0, at);
    return {};
  }
  const std::optional<Status>& end() const { return end_; }

 private:
  Status Handle(char kind, std::string_view body) {
    if (kind == 'o') return output_.Write(body);
    if (kind == 'e') return output_.Note(body);
    ByteReader reader(body);
    if (reader.Big<uint8_t>() == 1) {
      end_ = Status{};
      return {};
    }
    Error error;
    error.code = CodeOf(ReadField(reader));
    error.message = ReadField(reader);
    error.hint = ReadField(reader);
    end_ = std::unexpected(std::move(error));
    return {};
  }
  pipeline::Output& output_;
  std::string pending_;
  std::optional<Status> end_;
};

}  // namespace

std::string EncodeRequest(const pipeline::OperationRequest& request) {
  std::string bytes;
  AppendField(bytes, request.name);
  AppendField(bytes, std::to_string(request.arguments.size()));
  for (const std::string& argument : request.arguments) AppendField(bytes, argument);
  AppendField(bytes, std::to_string(request.flags.size()));
  for (const auto& [flag, value] : request.flags) {
    AppendField(bytes, flag);
    AppendField(bytes, value);
  }
  AppendField(bytes, request.input);
  return bytes;
}

Result<pipeline::OperationRequest> DecodeRequest(std::string_view bytes) {
  ByteReader reader(bytes);
  pipeline::OperationRequest request;
  request.name = ReadField(reader);
  MR_ASSIGN(const size_t arguments, ReadCount(reader));
  for (size_t i = 0; i < arguments && reader.ok(); ++i)
    request.arguments.emplace_back(ReadField(reader));
  MR_ASSIGN(const size_t flags, ReadCount(reader));
  for (size_t i = 0; i < flags && reader.ok(); ++i) {
    std::string flag(ReadField(reader));
    request.flags[std::move(flag)] = ReadField(reader);
  }
  request.input = ReadField(reader);
  if (!reader.ok())
    return Fail(ErrorCode::kInvalidArgument, "operation request of {} bytes is cut", bytes.size());
  return request;
}

std::string ControlSocketPath(const std::string& data_folder) {
  return io::JoinPath(data_folder, "control.sock");
}

bool IsListening(const std::string& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof(address.sun_path)) return false;
  socket.copy(address.sun_path, socket.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const bool connected =
      ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  ::close(fd);
  return connected;
}

io::HttpResponse AnswerOperation(const io::HttpRequest& request, pipeline::Workspace& workspace,
                                 pipeline::Runner* runner, CancelToken& stopping) {
  auto decoded = DecodeRequest(request.body);
  if (!decoded)
    return {.status = 400, .content_type = "text/plain", .body = decoded.error().message};
  io::HttpResponse response;
  response.content_type = "application/octet-stream";
  response.stream = [&workspace, runner, &stopping,
                     operation = std::move(*decoded)](io::ResponseStream& stream) {
    CancelToken cancel;
    const CancelToken::Watch stop(stopping, [&cancel] { cancel.Cancel(); });
    StreamOutput output(stream, cancel);
    pipeline::OperationContext context{workspace, runner, cancel};
    const Status done = pipeline::RunOperation(context, operation, output);
    if (const Status sent = stream.Write(EndFrame(done)); !sent) stream.Abort();
  };
  return response;
}

Status AskRunning(io::HttpClient& client, const std::string& socket,
                  const pipeline::OperationRequest& request, pipeline::Output& output,
                  CancelToken* cancel, Answerer& answerer) {
  constexpr auto kForEver = std::chrono::hours(24 * 365);
  FrameReader frames(output);
  io::HttpExchange exchange;
  exchange.method = "POST";
  exchange.url = fmt::format("http://millrace{}", kOperationsPath);
  exchange.body = EncodeRequest(request);
  exchange.unix_socket = socket;
  exchange.accept_compressed = false;
  exchange.timeouts.first_byte = exchange.timeouts.idle = exchange.timeouts.total = kForEver;
  exchange.limits.body_bytes_max = UINT64_MAX;
  exchange.on_body = [&](std::string_view bytes) {
    answerer = Answerer::kPipeline;
    return frames.Take(bytes);
  };
  exchange.cancel = cancel;
  answerer = Answerer::kNobody;
  MR_ASSIGN(const io::HttpReply reply, client.Send(exchange));
  answerer = reply.status == 503 ? Answerer::kNotReady : Answerer::kPipeline;
  if (reply.status == 503)
    return Fail(ErrorCode::kUnavailable,
                "the pipeline is starting or stopping; ask again in a moment");
  if (reply.status != 200)
    return Fail(ErrorCode::kInternal, "the running pipeline answered HTTP {}", reply.status);
  if (!frames.end())
    return Fail(ErrorCode::kUnavailable, "the running pipeline ended before it answered");
  return *frames.end();
}

}  // namespace millrace::api
