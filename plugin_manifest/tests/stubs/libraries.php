<?php

declare(strict_types=1);

// Of Symfony, Doctrine and PSR: only the names and methods that the bundle uses.

namespace Psr\Log {
    interface LoggerInterface
    {
        public function error(string|\Stringable $message, array $context = []): void;

        public function warning(string|\Stringable $message, array $context = []): void;
    }
}

namespace Doctrine\DBAL {
    class Exception extends \Exception
    {
    }

    /** A real database behind the methods that the bundle calls. */
    class Connection
    {
        private int $depth = 0;

        public function __construct(public readonly \PDO $pdo)
        {
            $pdo->setAttribute(\PDO::ATTR_ERRMODE, \PDO::ERRMODE_EXCEPTION);
        }

        public function executeStatement(string $sql, array $values = []): int
        {
            return $this->run($sql, $values)->rowCount();
        }

        public function fetchAllAssociative(string $sql, array $values = []): array
        {
            return $this->run($sql, $values)->fetchAll(\PDO::FETCH_ASSOC);
        }

        public function fetchAssociative(string $sql, array $values = []): array|false
        {
            return $this->run($sql, $values)->fetch(\PDO::FETCH_ASSOC);
        }

        public function fetchOne(string $sql, array $values = []): mixed
        {
            return $this->run($sql, $values)->fetchColumn();
        }

        public function beginTransaction(): void
        {
            ++$this->depth;
            $this->pdo->beginTransaction();
        }

        public function commit(): void
        {
            --$this->depth;
            $this->pdo->commit();
        }

        public function rollBack(): void
        {
            --$this->depth;
            $this->pdo->rollBack();
        }

        public function isTransactionActive(): bool
        {
            return $this->depth > 0;
        }

        private function run(string $sql, array $values): \PDOStatement
        {
            if (str_starts_with($sql, 'SET TRANSACTION')) {
                return $this->pdo->query('SELECT 1');
            }
            try {
                $statement = $this->pdo->prepare($sql);
                $statement->execute($values);

                return $statement;
            } catch (\PDOException $error) {
                throw new Exception($error->getMessage(), 0, $error);
            }
        }
    }
}

namespace Doctrine\Persistence {
    interface ManagerRegistry
    {
        public function resetManager(?string $name = null): object;
    }
}

namespace Doctrine\ORM {
    interface EntityManagerInterface
    {
        public function clear(): void;

        public function getReference(string $class, mixed $id): ?object;
    }
}

namespace Symfony\Component\EventDispatcher {
    interface EventSubscriberInterface
    {
        public static function getSubscribedEvents();
    }
}

namespace Symfony\Contracts\Translation {
    interface TranslatorInterface
    {
        public function trans(string $id, array $parameters = [], ?string $domain = null, ?string $locale = null): string;
    }
}

namespace Symfony\Component\HttpKernel {
    final class KernelEvents
    {
        public const CONTROLLER = 'kernel.controller';
        public const TERMINATE = 'kernel.terminate';
    }
}

namespace Symfony\Component\HttpKernel\Exception {
    class AccessDeniedHttpException extends \RuntimeException
    {
    }

    class NotFoundHttpException extends \RuntimeException
    {
    }
}

namespace Symfony\Component\Console {
    final class ConsoleEvents
    {
        public const TERMINATE = 'console.terminate';
    }
}

namespace Symfony\Component\HttpFoundation {
    class HeaderBag
    {
        public function __construct(private array $headers = [])
        {
        }

        public function get(string $name): ?string
        {
            return $this->headers[strtolower($name)] ?? null;
        }

        public function set(string $name, string $value): void
        {
            $this->headers[strtolower($name)] = $value;
        }
    }

    class ParameterBag
    {
        public function __construct(private array $values = [])
        {
        }

        public function get(string $name, mixed $default = null): mixed
        {
            return $this->values[$name] ?? $default;
        }
    }

    class Request
    {
        public HeaderBag $headers;
        public ParameterBag $query;

        public function __construct(private string $path = '/', array $headers = [], private string $body = '', array $query = [])
        {
            $this->headers = new HeaderBag(array_change_key_case($headers));
            $this->query   = new ParameterBag($query);
        }

        public function getPathInfo(): string
        {
            return $this->path;
        }

        public function getContent(): string
        {
            return $this->body;
        }

        public function isXmlHttpRequest(): bool
        {
            return 'XMLHttpRequest' === $this->headers->get('X-Requested-With');
        }
    }

    class RequestStack
    {
        public ?Request $request = null;

        public function getMainRequest(): ?Request
        {
            return $this->request;
        }
    }

    class Response
    {
        public const HTTP_CONFLICT = 409;
        public HeaderBag $headers;

        public function __construct(protected string $content = '', protected int $status = 200, array $headers = [])
        {
            $this->headers = new HeaderBag(array_change_key_case($headers));
        }

        public function getContent(): string
        {
            return $this->content;
        }

        public function getStatusCode(): int
        {
            return $this->status;
        }
    }

    class JsonResponse extends Response
    {
        public function __construct(mixed $data = null, int $status = 200)
        {
            parent::__construct(json_encode($data, JSON_THROW_ON_ERROR), $status);
        }
    }

    class RedirectResponse extends Response
    {
        public function __construct(private string $url)
        {
            parent::__construct('', 302);
        }

        public function getTargetUrl(): string
        {
            return $this->url;
        }
    }
}
