// How a response becomes bytes: its head, and the frames of a body that is made piece by piece.
// Part of the HTTP server; nothing else includes it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "io/http_server.h"

namespace millrace::io {

// Where a stream's frames go: a connection.
class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;
  // Sends all pieces, in order, and returns when they are sent: "" or what went wrong. Any thread
  // but the event loop's.
  virtual std::string WriteAndWait(const std::array<std::string_view, 4>& pieces) = 0;
};

// Status line and fields, up to and with the empty line. Without `length` and `chunked` the body
// ends with the connection.
std::string FormatHttpHead(const HttpResponse& response, std::optional<uint64_t> length,
                           bool chunked, bool keep_alive);

// A response of the server's own: one line of text.
HttpResponse PlainHttpResponse(int status, std::string_view text);

// What the handler answers; a 500 when it throws or gives a malformed field, whose reason goes to
// the log only.
HttpResponse CallHttpHandler(const HttpHandler& handler, const HttpRequest& request);

// Frames what a stream function writes. Lives on the stream's thread.
class FramedStream final : public ResponseStream {
 public:
  // `writer` and `stopping` outlive the stream.
  FramedStream(ResponseWriter& writer, const std::atomic<bool>& stopping, std::string head,
               bool chunked, std::optional<uint64_t> length);

  Status Write(std::string_view bytes) override;
  void Abort() override { failed_ = true; }
  bool closed() const override { return failed_ || stopping_; }

  // Ends the body. True when the response is whole and the connection may be used again.
  bool End();

 private:
  Status Send(std::string_view before, std::string_view bytes, std::string_view after);

  ResponseWriter& writer_;
  const std::atomic<bool>& stopping_;
  std::string head_;
  const bool chunked_;
  std::optional<uint64_t> left_;  // announced and not yet written
  std::atomic<bool> failed_ = false;
};

}  // namespace millrace::io
