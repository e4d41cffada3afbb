#include "io/http_client.h"

#include <charconv>
#include <list>

#include <curl/curl.h>

#include "base/check.h"
#include "io/clock.h"
#include "io/http_url.h"

namespace millrace::io {
namespace {

constexpr uint64_t kRatioFreeBytes = 1 << 20;
constexpr long kReceiveBufferBytes = 256 << 10;
constexpr int64_t kPollMaxMs = 1000;
constexpr uint64_t kReserveMaxBytes = 4 << 20;

struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// A curl handle with the connection it keeps; all its connections go to one place (`key`).
struct Lane {
  std::string key;
  std::unique_ptr<CURLM, FreeMulti> multi{curl_multi_init()};
  std::unique_ptr<CURL, FreeEasy> easy{curl_easy_init()};
};

// One exchange under way: what curl's callbacks fill in.
struct Transfer {
  const HttpExchange& exchange;
  CURL* easy;
  HttpReply reply;
  std::optional<Error> failure;  // why a callback ended the transfer
  uint64_t header_bytes = 0;
  int64_t start_ns = SystemClock().MonotonicNs();
  int64_t last_byte_ns = 0;  // 0: none yet

  void Touch() {
    last_byte_ns = SystemClock().MonotonicNs();
    if (reply.first_byte.count() == 0)
      reply.first_byte = std::chrono::microseconds((last_byte_ns - start_ns) / 1000);
  }
};

std::string_view TrimSpace(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && std::string_view(" \t\r\n").find(text.back()) != std::string_view::npos)
    text.remove_suffix(1);
  return text;
}

// Returning anything but the size ends the transfer.
size_t OnHeader(char* bytes, size_t, size_t size, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  transfer.Touch();
  transfer.header_bytes += size;
  if (transfer.header_bytes > transfer.exchange.limits.header_bytes_max) {
    transfer.failure = Error{
        ErrorCode::kResourceExhausted,
        fmt::format("response header above {} bytes", transfer.exchange.limits.header_bytes_max),
        {}};
    return size + 1;
  }
  const std::string_view line(bytes, size);
  if (line.starts_with("HTTP/")) {  // an interim response (100) may come before the real one
    transfer.reply.headers.clear();
    return size;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  transfer.reply.headers.push_back({std::string(TrimSpace(line.substr(0, colon))),
                                    std::string(TrimSpace(line.substr(colon + 1)))});
  return size;
}

Status CheckBodyLimits(const Transfer& transfer) {
  const HttpLimits& limits = transfer.exchange.limits;
  const uint64_t bytes = transfer.reply.body_bytes;
  if (bytes > limits.body_bytes_max)
    return Fail(ErrorCode::kResourceExhausted, "response body above {} bytes",
                limits.body_bytes_max);
  if (bytes <= kRatioFreeBytes) return {};
  curl_off_t received = 0;
  curl_easy_getinfo(transfer.easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
  const uint64_t allowed = static_cast<uint64_t>(std::max<curl_off_t>(received, 1)) *
                           std::max<uint32_t>(limits.decompression_ratio_max, 1);
  if (bytes <= allowed) return {};
  return Fail(ErrorCode::kResourceExhausted,
              "response body decompresses to more than {} times its size",
              limits.decompression_ratio_max);
}

Status TakeBody(Transfer& transfer, std::string_view piece) {
  if (transfer.exchange.cancel != nullptr) MR_TRY(transfer.exchange.cancel->Check("http request"));
  transfer.reply.body_bytes += piece.size();
  MR_TRY(CheckBodyLimits(transfer));
  if (transfer.exchange.on_body) return transfer.exchange.on_body(piece);
  if (transfer.reply.body.empty()) {
    curl_off_t announced = -1;
    curl_easy_getinfo(transfer.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    if (announced > 0)
      transfer.reply.body.reserve(std::min(static_cast<uint64_t>(announced), kReserveMaxBytes) +
                                  64);
  }
  transfer.reply.body.append(piece);
  return {};
}

size_t OnBody(char* bytes, size_t, size_t size, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  transfer.Touch();
  Status taken = TakeBody(transfer, {bytes, size});
  if (taken) return size;
  transfer.failure = std::move(taken).error();
  return size + 1;
}

bool HasHeader(const HttpExchange& exchange, std::string_view name) {
  return FindHeader(exchange.headers, name) != nullptr;
}

Result<std::unique_ptr<curl_slist, FreeList>> MakeHeaderList(const HttpExchange& exchange) {
  curl_slist* list = nullptr;
  std::unique_ptr<curl_slist, FreeList> owned;
  const auto append = [&](const std::string& line) {
    list = curl_slist_append(list, line.c_str());
    (void)owned.release();
    owned.reset(list);
  };
  for (const HttpHeader& header : exchange.headers) {
    if (!IsValidHeader(header))
      return Fail(ErrorCode::kInvalidArgument,
                  "header '{}' has a character that a header must not have",
                  IsValidHeader({header.name, ""}) ? header.name : "?");
    // curl drops a field without a value unless it is written with a semicolon.
    append(header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
  }
  if (!HasHeader(exchange, "Expect")) append("Expect:");
  if (!HasHeader(exchange, "Content-Type")) append("Content-Type:");
  return owned;
}

void SetMethod(CURL* easy, const HttpExchange& exchange) {
  if (exchange.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return;
  }
  if (exchange.method != "GET") {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(exchange.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, exchange.body.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, exchange.method.c_str());
}

void SetSafety(CURL* easy, const HttpExchange& exchange) {
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROXY,
                   "");  // no proxy from the environment: it would undo connect_to
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  if (!exchange.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, exchange.ca_file.c_str());
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(exchange.timeouts.connect.count()));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(exchange.timeouts.total.count()));
}

// The time-out that has passed, or none; `next_ms` becomes the time until one may.
std::optional<Error> CheckTimeouts(const Transfer& transfer, int64_t& next_ms) {
  const HttpTimeouts& timeouts = transfer.exchange.timeouts;
  const bool began = transfer.last_byte_ns != 0;
  const int64_t since = began ? transfer.last_byte_ns : transfer.start_ns;
  const auto limit = began ? timeouts.idle : timeouts.first_byte;
  const int64_t waited_ms = (SystemClock().MonotonicNs() - since) / 1000000;
  next_ms = std::clamp<int64_t>(limit.count() - waited_ms + 1, 1, kPollMaxMs);
  if (waited_ms <= limit.count()) return std::nullopt;
  return Error{ErrorCode::kTimeout,
               began ? fmt::format("no further byte of the response within {} ms", limit.count())
                     : fmt::format("no response within {} ms (first byte)", limit.count()),
               {}};
}

Error FromCurl(CURLcode code, const Transfer& transfer, const char* detail) {
  const uint64_t bytes = transfer.reply.body_bytes;
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT: {
      // Told apart by the clock, since curl reports no connect time for a kept connection, and by
      // the nearer one, since curl's clock is not quite ours.
      const HttpTimeouts& timeouts = transfer.exchange.timeouts;
      const std::chrono::nanoseconds elapsed(SystemClock().MonotonicNs() - transfer.start_ns);
      if (timeouts.connect < timeouts.total && elapsed < (timeouts.connect + timeouts.total) / 2)
        return {ErrorCode::kTimeout,
                fmt::format("cannot connect within {} ms", timeouts.connect.count()),
                {}};
      return {ErrorCode::kTimeout,
              fmt::format("response not complete within {} ms (total)", timeouts.total.count()),
              {}};
    }
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
      return {ErrorCode::kUnavailable,
              fmt::format("connection cut after {} bytes of the response's body", bytes),
              {}};
    case CURLE_BAD_CONTENT_ENCODING:
      return {ErrorCode::kUnavailable, "response body does not decompress", {}};
    case CURLE_OUT_OF_MEMORY:
      return {ErrorCode::kResourceExhausted, "out of memory", {}};
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
      return {ErrorCode::kUnavailable, detail[0] != '\0' ? detail : curl_easy_strerror(code), {}};
    default:
      return {ErrorCode::kUnavailable, curl_easy_strerror(code), {}};
  }
}

class CurlClient final : public HttpClient {
 public:
  explicit CurlClient(HttpClientOptions options) : options_(std::move(options)) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  }

  Result<HttpReply> Send(const HttpExchange& exchange) override {
    MR_ASSIGN(const HttpUrl url, ParseHttpUrl(exchange.url));
    if (!IsValidHeader({exchange.method, ""}))
      return Fail(ErrorCode::kInvalidArgument, "'{}' is not an HTTP method", exchange.method);
    auto lane = Take(KeyOf(url, exchange));
    auto reply = Run(*lane, url, exchange);
    if (reply) {
      GiveBack(std::move(lane));
      return reply;
    }
    return std::unexpected(std::move(reply).error().WithContext(
        fmt::format("{} {}", exchange.method, url.ToPublicString())));
  }

 private:
  static std::string KeyOf(const HttpUrl& url, const HttpExchange& exchange) {
    return fmt::format("{} {} {} {}", url.Origin(),
                       exchange.connect_to ? exchange.connect_to->ToString() : "",
                       exchange.unix_socket, exchange.ca_file);
  }

  std::unique_ptr<Lane> Take(std::string key) {
    {
      std::lock_guard lock(mutex_);
      for (auto at = idle_.begin(); at != idle_.end(); ++at) {
        if ((*at)->key != key) continue;
        auto lane = std::move(*at);
        idle_.erase(at);
        return lane;
      }
    }
    auto lane = std::make_unique<Lane>();
    MR_CHECK(lane->multi != nullptr && lane->easy != nullptr, "curl gives handles");
    lane->key = std::move(key);
    return lane;
  }

  void GiveBack(std::unique_ptr<Lane> lane) {
    std::lock_guard lock(mutex_);
    idle_.push_front(std::move(lane));
    if (idle_.size() > options_.kept_connections_max) idle_.pop_back();
  }

  Result<HttpReply> Run(Lane& lane, const HttpUrl& url, const HttpExchange& exchange) const {
    CURL* easy = lane.easy.get();
    curl_easy_reset(easy);
    char detail[CURL_ERROR_SIZE] = {};
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail);
    MR_ASSIGN(auto header_list, MakeHeaderList(exchange));
    std::unique_ptr<curl_slist, FreeList> target(ConnectTo(url, exchange));
    Transfer transfer{.exchange = exchange, .easy = easy, .reply = {}, .failure = {}};
    SetSafety(easy, exchange);
    SetMethod(easy, exchange);
    curl_easy_setopt(easy, CURLOPT_URL, url.ToString().c_str());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, header_list.get());
    curl_easy_setopt(easy, CURLOPT_USERAGENT, options_.user_agent.c_str());
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kReceiveBufferBytes);
    if (target) curl_easy_setopt(easy, CURLOPT_CONNECT_TO, target.get());
    if (!exchange.unix_socket.empty())
      curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, exchange.unix_socket.c_str());
    if (exchange.accept_compressed)
      curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, OnHeader);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, OnBody);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    return Perform(lane, transfer, detail);
  }

  static curl_slist* ConnectTo(const HttpUrl& url, const HttpExchange& exchange) {
    if (!exchange.connect_to || !exchange.unix_socket.empty()) return nullptr;
    const IpAddress& ip = *exchange.connect_to;
    const std::string entry =
        fmt::format("::{}{}{}:{}", ip.v6 ? "[" : "", ip.ToString(), ip.v6 ? "]" : "", url.port);
    return curl_slist_append(nullptr, entry.c_str());
  }

  static Result<HttpReply> Perform(Lane& lane, Transfer& transfer, const char* detail) {
    CURLM* multi = lane.multi.get();
    std::optional<CancelToken::Watch> watch;
    if (transfer.exchange.cancel != nullptr)
      watch.emplace(*transfer.exchange.cancel, [multi] { curl_multi_wakeup(multi); });
    curl_multi_add_handle(multi, transfer.easy);
    Result<CURLcode> code = Drive(multi, transfer);
    curl_multi_remove_handle(multi, transfer.easy);
    if (!code) return std::unexpected(std::move(code).error());
    if (transfer.failure) return std::unexpected(std::move(*transfer.failure));
    if (*code != CURLE_OK) return std::unexpected(FromCurl(*code, transfer, detail));
    long status = 0;
    curl_off_t received = 0;
    curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer.easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
    transfer.reply.status = static_cast<int>(status);
    transfer.reply.received_bytes = static_cast<uint64_t>(received);
    transfer.reply.total =
        std::chrono::microseconds((SystemClock().MonotonicNs() - transfer.start_ns) / 1000);
    return std::move(transfer.reply);
  }

  // Runs the transfer to its end, or to a time-out of ours or a cancel.
  static Result<CURLcode> Drive(CURLM* multi, Transfer& transfer) {
    for (;;) {
      int running = 0;
      if (const CURLMcode code = curl_multi_perform(multi, &running); code != CURLM_OK)
        return Fail(ErrorCode::kInternal, "curl: {}", curl_multi_strerror(code));
      int left = 0;
      while (const CURLMsg* message = curl_multi_info_read(multi, &left))
        if (message->msg == CURLMSG_DONE) return message->data.result;
      if (transfer.exchange.cancel != nullptr)
        MR_TRY(transfer.exchange.cancel->Check("http request"));
      int64_t wait_ms = kPollMaxMs;
      if (auto timeout = CheckTimeouts(transfer, wait_ms))
        return std::unexpected(std::move(*timeout));
      curl_multi_poll(multi, nullptr, 0, static_cast<int>(wait_ms), nullptr);
    }
  }

  const HttpClientOptions options_;
  std::mutex mutex_;
  std::list<std::unique_ptr<Lane>> idle_;  // guarded by mutex_; most recent first
};

}  // namespace

std::unique_ptr<HttpClient> MakeHttpClient(HttpClientOptions options) {
  return std::make_unique<CurlClient>(std::move(options));
}

}  // namespace millrace::io
