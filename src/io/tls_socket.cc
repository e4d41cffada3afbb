// StreamSocket within TLS, by OpenSSL.
#include <algorithm>
#include <chrono>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "io/http_address.h"
#include "io/tcp_socket.h"

namespace millrace::io {
namespace {

struct FreeTls {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* tls) const { SSL_free(tls); }
};
using ContextPtr = std::unique_ptr<SSL_CTX, FreeTls>;
using TlsPtr = std::unique_ptr<SSL, FreeTls>;

// The oldest error of this thread's queue, as OpenSSL words it; empties the queue.
std::string TakeTlsError() {
  char text[256] = "the connection was closed";
  if (const unsigned long code = ERR_get_error(); code != 0)
    ERR_error_string_n(code, text, sizeof(text));
  ERR_clear_error();
  return text;
}

Result<ContextPtr> MakeContext(const TlsClientOptions& options) {
  ContextPtr context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const bool has_ca =
      options.ca_file.empty()
          ? SSL_CTX_set_default_verify_paths(context.get()) == 1
          : SSL_CTX_load_verify_locations(context.get(), options.ca_file.c_str(), nullptr) == 1;
  if (!has_ca)
    return Fail(ErrorCode::kInvalidArgument, "cannot use the authorities in {}: {}",
                options.ca_file.empty() ? "the system's store" : options.ca_file, TakeTlsError());
  if (options.certificate_file.empty()) return context;
  if (SSL_CTX_use_certificate_chain_file(context.get(), options.certificate_file.c_str()) != 1)
    return Fail(ErrorCode::kInvalidArgument, "cannot use the certificate in {}: {}",
                options.certificate_file, TakeTlsError());
  if (SSL_CTX_use_PrivateKey_file(context.get(), options.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return Fail(ErrorCode::kInvalidArgument, "cannot use the key in {}: {}", options.key_file,
                TakeTlsError());
  return context;
}

class TlsSocket final : public TcpSocket {
 public:
  TlsSocket(ConnectedDescriptors connected, ContextPtr context)
      : TcpSocket(connected.socket, connected.wake),
        context_(std::move(context)),
        tls_(SSL_new(context_.get())) {
    SSL_set_fd(tls_.get(), descriptor());
  }
  ~TlsSocket() override { SSL_shutdown(tls_.get()); }

  Status Handshake(const StreamTarget& target) {
    if (target.tls->verify_host) {
      X509_VERIFY_PARAM* const expected = SSL_get0_param(tls_.get());
      if (IpAddress::Parse(target.host)) {
        X509_VERIFY_PARAM_set1_ip_asc(expected, target.host.c_str());
      } else {
        X509_VERIFY_PARAM_set1_host(expected, target.host.c_str(), 0);
        SSL_set_tlsext_host_name(tls_.get(), target.host.c_str());
      }
    }
    const auto deadline = std::chrono::steady_clock::now() + target.timeout;
    while (true) {
      ERR_clear_error();
      const int done = SSL_connect(tls_.get());
      if (done == 1) return {};
      const int why = SSL_get_error(tls_.get(), done);
      if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) return HandshakeFailed();
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0)
        return Fail(ErrorCode::kTimeout, "no TLS handshake within {} ms", target.timeout.count());
      TcpSocket::Wait(why == SSL_ERROR_WANT_WRITE, left);
    }
  }

  Result<size_t> Read(char* to, size_t size) override {
    ERR_clear_error();
    return Went(SSL_read(tls_.get(), to, static_cast<int>(std::min<size_t>(size, INT32_MAX))));
  }

  Result<size_t> Write(std::string_view bytes) override {
    ERR_clear_error();
    return Went(SSL_write(tls_.get(), bytes.data(),
                          static_cast<int>(std::min<size_t>(bytes.size(), INT32_MAX))));
  }

  void Wait(bool for_write, std::chrono::milliseconds timeout) override {
    if (SSL_pending(tls_.get()) == 0) TcpSocket::Wait(for_write, timeout);
  }

 private:
  Result<size_t> Went(int done) {
    if (done > 0) return static_cast<size_t>(done);
    const int why = SSL_get_error(tls_.get(), done);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return 0;
    if (why == SSL_ERROR_ZERO_RETURN)
      return Fail(ErrorCode::kUnavailable, "the peer closed the connection");
    return Fail(ErrorCode::kUnavailable, "connection lost: {}", TakeTlsError());
  }

  Status HandshakeFailed() {
    const long verified = SSL_get_verify_result(tls_.get());
    const std::string text = TakeTlsError();
    if (verified == X509_V_OK)
      return Fail(ErrorCode::kUnavailable, "the TLS handshake failed: {}", text);
    return Fail(ErrorCode::kUnavailable, "the peer's certificate is not accepted: {}",
                X509_verify_cert_error_string(verified));
  }

  ContextPtr context_;
  TlsPtr tls_;
};

}  // namespace

Result<std::unique_ptr<StreamSocket>> StartTls(ConnectedDescriptors connected,
                                               const StreamTarget& target) {
  auto context = MakeContext(*target.tls);
  if (!context) {
    const TcpSocket closes(connected.socket, connected.wake);
    return std::unexpected(std::move(context.error()));
  }
  auto socket = std::make_unique<TlsSocket>(connected, std::move(*context));
  MR_TRY(socket->Handshake(target));
  return socket;
}

}  // namespace millrace::io
