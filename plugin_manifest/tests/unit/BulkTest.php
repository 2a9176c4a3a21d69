<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Tests;

use MauticPlugin\SalesforceSidecarBundle\Core\BulkPlan;
use MauticPlugin\SalesforceSidecarBundle\Core\FieldValues;
use MauticPlugin\SalesforceSidecarBundle\Core\ItemError;
use MauticPlugin\SalesforceSidecarBundle\Core\Lookups;
use MauticPlugin\SalesforceSidecarBundle\Core\PushChoice;
use MauticPlugin\SalesforceSidecarBundle\Core\Request;
use MauticPlugin\SalesforceSidecarBundle\Core\Retry;
use MauticPlugin\SalesforceSidecarBundle\Core\Sql;
use MauticPlugin\SalesforceSidecarBundle\Service\Transactions;
use Doctrine\DBAL\Connection;
use Doctrine\Persistence\ManagerRegistry;
use PHPUnit\Framework\TestCase;

final class BulkTest extends TestCase
{
    public function testEachItemFindsItsContactByIdOrByItsUniqueFields(): void
    {
        $plan = $this->plan([
            ['id' => 17, 'fields' => ['city' => 'Lyon']],
            ['fields' => ['email' => 'ANA@example.org ']],
            ['fields' => ['email' => 'new@example.org', 'city' => null]],
            ['id' => 18, 'fields' => ['email' => 'ben@example.org']],
        ]);
        self::assertSame([], $plan->errors);
        self::assertSame([17, 21, null, 18], $plan->targets);
    }

    /** @dataProvider refusals */
    public function testAnItemIsRefusedByItself(array $item, int $code, string $reason, array $fields, ?int $into = null): void
    {
        $plan = $this->plan([['id' => 17, 'fields' => ['city' => 'Lyon']], $item, ['fields' => ['city' => 'Nice']]]);
        self::assertSame([0, 2], array_keys($plan->targets));
        $error = $plan->errors[1]->toArray()['error'];
        self::assertSame([$code, $reason, $fields, $into], [$error['code'], $error['reason'], $error['fields'], $error['into'] ?? null]);
        self::assertSame(null !== $into, array_key_exists('into', $error));
    }

    public static function refusals(): array
    {
        return [
            'no fields'            => [['id' => 17], 400, 'invalid', []],
            'unknown key'          => [['fields' => [], 'stage' => 1], 400, 'invalid', ['stage']],
            'id as text'           => [['id' => '17', 'fields' => []], 400, 'invalid', ['id']],
            'field of objects'     => [['fields' => ['city' => ['a' => 1]]], 400, 'invalid', ['fields']],
            'empty tag'            => [['fields' => [], 'tags' => ['-']], 400, 'invalid', ['tags']],
            'no reason'            => [['fields' => [], 'do_not_contact' => ['channel' => 'email']], 400, 'invalid', ['do_not_contact']],
            'no such reason'       => [['fields' => [], 'do_not_contact' => ['channel' => 'email', 'reason' => 4]], 400, 'invalid', ['do_not_contact']],
            'unknown field'        => [['fields' => ['shoe_size' => 4]], 400, 'unknown-field', ['shoe_size']],
            'unknown owner'        => [['fields' => [], 'owner' => 99], 400, 'invalid', ['owner']],
            'nobody'               => [['id' => 404, 'fields' => []], 404, 'not-found', []],
            'merged'               => [['id' => 30, 'fields' => []], 409, 'merged', [], 21],
            'the same id'          => [['id' => 17, 'fields' => ['city' => 'Paris']], 409, 'twice', ['id']],
            'another one has it'   => [['id' => 18, 'fields' => ['email' => 'ana@example.org']], 422, 'not-unique', ['email']],
            'two have one of them' => [['fields' => ['email' => 'ana@example.org', 'code' => 'B']], 422, 'not-unique', ['email', 'code']],
        ];
    }

    public function testAValueThatStandsTwiceIsRefusedTheSecondTimeHoweverItIsWritten(): void
    {
        $plan = $this->plan([['fields' => ['email' => 'x@example.org']], ['fields' => ['email' => 'X@Example.org']], ['id' => 21, 'fields' => []], ['fields' => ['email' => 'ana@example.org']]]);
        self::assertSame([0, 2], array_keys($plan->targets));
        self::assertSame([['twice', ['email']], ['twice', ['id']]], array_map(static fn (ItemError $error): array => [$error->reason, $error->fields], array_values($plan->errors)));
    }

    public function testTheDatabaseIsAskedOnceForAllUniqueFields(): void
    {
        $lookups = $this->lookups();
        $items   = array_map(static fn (int $n): array => ['fields' => ['email' => "n$n@example.org", 'code' => "C$n"]], range(1, 200));
        BulkPlan::make($items, ['email', 'code', 'city'], ['email', 'code'], $lookups, true, true);
        self::assertSame(['holders'], $lookups->asked);
    }

    public function testTheRoleDecidesAboutNewAndOldContacts(): void
    {
        $items = [['id' => 17, 'fields' => []], ['fields' => ['city' => 'Nice']]];
        $first = fn (bool $create, bool $edit): array => array_keys(BulkPlan::make($items, ['city'], [], $this->lookups(), $create, $edit)->errors);
        self::assertSame([[], [0], [1], [0, 1]], [$first(true, true), $first(true, false), $first(false, true), $first(false, false)]);
    }

    public function testWhatIsNotNamedIsNotTouchedAndNullBlanks(): void
    {
        $plan = $this->plan([['id' => 17, 'fields' => ['city' => '']], ['id' => 18, 'fields' => [], 'owner' => null, 'do_not_contact' => ['channel' => 'sms', 'remove' => true]]]);
        self::assertSame([['city' => null], false, null], [$plan->items[0]->fields, $plan->items[0]->hasOwner, $plan->items[0]->doNotContact]);
        self::assertSame([true, null, true], [$plan->items[1]->hasOwner, $plan->items[1]->owner, $plan->items[1]->doNotContact['remove']]);
        self::assertTrue(FieldValues::isBlankAlready(null, ''));
        self::assertFalse(FieldValues::isBlankAlready(null, 'Lyon'));
        self::assertFalse(FieldValues::isBlankAlready(null, 0));
    }

    public function testValuesReachTheFormAsABrowserSendsThem(): void
    {
        self::assertSame(['a', 'b'], FieldValues::forForm('multiselect', 'a|b'));
        self::assertSame(['1'], FieldValues::forForm('multiselect', [1]));
        self::assertSame(['0', '1', '7'], [FieldValues::forForm('boolean', false), FieldValues::forForm('boolean', true), FieldValues::forForm('text', 7)]);
        self::assertSame([true, true, false, false], [FieldValues::isNumber('1.5'), FieldValues::isNumber(0), FieldValues::isNumber('1,5'), FieldValues::isNumber(true)]);
        $fields = ['city' => ['defaultValue' => 'Lyon'], 'zip' => ['defaultValue' => ''], 'state' => ['defaultValue' => 'X']];
        self::assertSame(['city' => 'Lyon'], FieldValues::defaults($fields, ['state' => null]));
    }

    public function testADeadlockIsTriedThreeTimesAndAnotherErrorOnce(): void
    {
        foreach ([[1213, 3], [1205, 3], [1062, 1]] as [$code, $expected]) {
            $tries = 0;
            try {
                $this->transactions()->run(static function () use (&$tries, $code): never {
                    ++$tries;
                    throw self::refused($code);
                });
                self::fail('It must be thrown in the end.');
            } catch (\RuntimeException $error) {
                self::assertSame($expected, $tries);
                self::assertSame($expected > 1, Retry::helps($error));
            }
        }
    }

    public function testWorkThatIsTriedAgainBeginsWithNothingWritten(): void
    {
        $connection = new Connection(new \PDO('sqlite::memory:'));
        $connection->executeStatement('CREATE TABLE t (n INTEGER)');
        $tries = 0;
        $told  = $this->transactions($connection)->run(static function () use (&$tries, $connection): string {
            $connection->executeStatement('INSERT INTO t VALUES (1)');
            if (++$tries < 3) {
                // A server that logs statements refuses READ COMMITTED once; then comes a deadlock.
                throw self::refused(1 === $tries ? 1665 : 1213);
            }

            return 'done';
        });
        self::assertSame(['done', 3, '1'], [$told, $tries, (string) $connection->fetchOne('SELECT COUNT(*) FROM t')]);
    }

    public function testWhatCallersSendIsReadOrRefused(): void
    {
        self::assertSame([1, 2], Request::ids('{"ids": [1, 2, 2]}'));
        foreach (['', '[]', '{"ids": 1}', '{"ids": {"a": 1}}', '{"ids": [0]}', '{"ids": ["1"]}', json_encode(['ids' => range(1, 5001)])] as $body) {
            self::assertNull(Request::ids($body));
        }
        self::assertSame([1000, 1000, 1, 7], [Request::limit(null), Request::limit('9999'), Request::limit('-3'), Request::limit('7')]);
    }

    public function testOnlyAPlausibleCampaignIsPassedOn(): void
    {
        $read = static fn (array $config): array => array_values(PushChoice::fromConfig($config)->toArray());
        self::assertSame(['Contact', '70100000000abcd', 'Sent'], $read(['as' => 'Contact', 'campaign_id' => ' 70100000000abcd ', 'member_status' => 'Sent']));
        self::assertSame([null, null, null], $read(['as' => 'Account', 'campaign_id' => '00Q00000000abcd', 'member_status' => 'Sent']));
        self::assertSame([null, null, null], $read([]));
    }

    public function testAColumnIsNeverAnythingButAnAlias(): void
    {
        $this->expectException(\InvalidArgumentException::class);
        Sql::column('email` = 1 OR 1=1 --');
    }

    private static function refused(int $code): \RuntimeException
    {
        $cause            = new \PDOException('refused');
        $cause->errorInfo = ['HY000', $code, 'refused'];

        return new \RuntimeException('wrapped', 0, $cause);
    }

    private function transactions(?Connection $connection = null): Transactions
    {
        return new Transactions($connection ?? new Connection(new \PDO('sqlite::memory:')), new class() implements ManagerRegistry {
            public function resetManager(?string $name = null): object
            {
                return $this;
            }
        });
    }

    private function plan(array $items): BulkPlan
    {
        return BulkPlan::make($items, ['email', 'code', 'city'], ['email', 'code'], $this->lookups(), true, true);
    }

    /** Contacts 17 without an address, 18 (ben, code B) and 21 (ana); 30 was merged into 21; user 3. */
    private function lookups(): Lookups
    {
        return new class() implements Lookups {
            public array $asked = [];

            public function contacts(array $ids): array
            {
                return array_values(array_intersect($ids, [17, 18, 21]));
            }

            public function survivors(array $ids): array
            {
                return array_intersect_key([30 => 21], array_flip($ids));
            }

            public function users(array $ids): array
            {
                return array_values(array_intersect($ids, [3]));
            }

            public function holders(array $values): array
            {
                $this->asked[] = 'holders';

                return [['id' => 18, 'email' => 'ben@example.org', 'code' => 'b'], ['id' => '21', 'email' => 'Ana@example.org', 'code' => null]];
            }
        };
    }
}
