#include "io/http_response.h"

#include <exception>
#include <utility>

#include "base/logging.h"

namespace millrace::io {

std::string FormatHttpHead(const HttpResponse& response, std::optional<uint64_t> length,
                           bool chunked, bool keep_alive) {
  std::string head =
      fmt::format("HTTP/1.1 {} {}\r\n", response.status, HttpReason(response.status));
  for (const HttpHeader& header : response.headers)
    head += fmt::format("{}: {}\r\n", header.name, header.value);
  if (!response.content_type.empty())
    head += fmt::format("Content-Type: {}\r\n", response.content_type);
  const bool bodiless = response.status == 204 || response.status == 304 || response.status < 200;
  if (length && !bodiless) head += fmt::format("Content-Length: {}\r\n", *length);
  if (chunked) head += "Transfer-Encoding: chunked\r\n";
  head += keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  return head;
}

HttpResponse PlainHttpResponse(int status, std::string_view text) {
  return {.status = status, .content_type = "text/plain", .body = std::string(text) + "\n"};
}

HttpResponse CallHttpHandler(const HttpHandler& handler, const HttpRequest& request) {
  try {
    HttpResponse response = handler(request);
    for (const HttpHeader& header : response.headers) {
      if (IsValidHeader(header)) continue;
      logging::Error("http.response_header_refused", {{"path", request.path}});
      return PlainHttpResponse(500, "the answer had a malformed header field");
    }
    return response;
  } catch (const std::exception& thrown) {
    logging::Error("http.handler_failed", {{"path", request.path}, {"reason", thrown.what()}});
    return PlainHttpResponse(500, "the request failed inside the server; its log has the reason");
  }
}

FramedStream::FramedStream(ResponseWriter& writer, const std::atomic<bool>& stopping,
                           std::string head, bool chunked, std::optional<uint64_t> length)
    : writer_(writer),
      stopping_(stopping),
      head_(std::move(head)),
      chunked_(chunked),
      left_(length) {}

Status FramedStream::Write(std::string_view bytes) {
  if (stopping_) return Fail(ErrorCode::kCancelled, "http response: the server stops");
  if (left_ && bytes.size() > *left_)
    return Fail(ErrorCode::kInternal, "http response: {} bytes more than announced",
                bytes.size() - *left_);
  if (left_) *left_ -= bytes.size();
  if (bytes.empty() || !chunked_) return Send("", bytes, "");
  return Send(fmt::format("{:x}\r\n", bytes.size()), bytes, "\r\n");
}

bool FramedStream::End() {
  if (failed_ || (left_ && *left_ > 0)) return false;
  return Send("", chunked_ ? "0\r\n\r\n" : "", "").has_value();
}

Status FramedStream::Send(std::string_view before, std::string_view bytes, std::string_view after) {
  if (failed_) return Fail(ErrorCode::kUnavailable, "http response: the connection is closed");
  const std::string head = std::exchange(head_, {});
  const std::string error = writer_.WriteAndWait({head, before, bytes, after});
  if (error.empty()) return {};
  failed_ = true;
  return Fail(ErrorCode::kUnavailable, "http response: {}", error);
}

}  // namespace millrace::io
