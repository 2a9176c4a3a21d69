<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Tests;

use Mautic\LeadBundle\Entity\Company;
use Mautic\LeadBundle\Entity\DoNotContact as Entry;
use Mautic\LeadBundle\Entity\Lead;
use Mautic\LeadBundle\Event\ChannelSubscriptionChange;
use Mautic\LeadBundle\Event\CompanyEvent;
use Mautic\LeadBundle\Event\LeadChangeCompanyEvent;
use Mautic\LeadBundle\Event\LeadEvent;
use Mautic\LeadBundle\Event\LeadMergeEvent;
use Mautic\LeadBundle\Event\ListChangeEvent;
use Mautic\LeadBundle\Model\DoNotContact;
use MauticPlugin\SalesforceSidecarBundle\Core\DoNotContactRepair;
use MauticPlugin\SalesforceSidecarBundle\Core\OwnWrite;
use MauticPlugin\SalesforceSidecarBundle\EventListener\CompanySubscriber;
use MauticPlugin\SalesforceSidecarBundle\EventListener\ContactSubscriber;
use MauticPlugin\SalesforceSidecarBundle\EventListener\MergeSubscriber;
use MauticPlugin\SalesforceSidecarBundle\Service\Merges;
use PHPUnit\Framework\TestCase;

final class ListenersTest extends TestCase
{
    private World $world;
    private ContactSubscriber $contacts;
    private MergeSubscriber $merging;

    protected function setUp(): void
    {
        $this->stand(new World());
    }

    private function stand(World $world): void
    {
        $merges         = new Merges();
        $this->world    = $world;
        $this->contacts = new ContactSubscriber($world->outbox, $world->caller, $merges, $world->settings, $world->connection);
        $this->merging  = new MergeSubscriber($world->settings, $world->outbox, $merges, new DoNotContact(), $world->connection, $world->log);
    }

    public function testSavesWithChangesAreToldAndMereActivityIsNot(): void
    {
        $this->contacts->onSave(new LeadEvent(new Lead(1), false, []));
        $this->contacts->onSave(new LeadEvent(new Lead(2), false, ['dateLastActive' => ['a', 'b']]));
        $this->contacts->onSave(new LeadEvent(new Lead(3), false, ['dateLastActive' => ['a', 'b'], 'tags' => ['added' => ['x']]]));
        $this->contacts->onSave(new LeadEvent(new Lead(4), true));
        $this->contacts->onDoNotContact(new ChannelSubscriptionChange(new Lead(5)));
        self::assertSame(['contact changed 3', 'contact changed 4', 'contact changed 5'], $this->world->told());
    }

    public function testMembershipsAreToldForOneAndForManyHoweverTheyAreCarried(): void
    {
        $this->contacts->onMembership(new ListChangeEvent(new Lead(1)));
        $this->contacts->onMembership(new ListChangeEvent([['id' => '2'], ['lead_id' => 3], new Lead(4), 5, '2', null]));
        $this->contacts->onMembership(new LeadChangeCompanyEvent([new Lead(6)]));
        self::assertSame(array_map(static fn (int $id): string => "contact changed $id", [1, 2, 3, 4, 5, 6]), $this->world->told());
    }

    public function testADeletionTellsAddressAndDoNotContactAsTheyWereOnceItHappened(): void
    {
        $this->world->connection->executeStatement("INSERT INTO mtc_lead_donotcontact VALUES (1, 17, 'email', 1, 'asked', '2026-01-02 03:04:05')");
        $contact = new Lead(17, 'ana@example.org');
        $this->contacts->onLeaving(new LeadEvent($contact));
        self::assertSame([], $this->world->told());
        [$contact->deletedId, $contact->id] = [17, null];
        $this->contacts->onGone(new LeadEvent($contact));
        [$row] = $this->world->outbox->rows(0, 9);
        self::assertSame(['contact', 'deleted', 17], [$row['kind'], $row['what'], $row['object_id']]);
        self::assertSame(['email' => 'ana@example.org', 'do_not_contact' => [
            ['channel' => 'email', 'reason' => 1, 'comments' => 'asked', 'date_added' => '2026-01-02T03:04:05+00:00'],
        ]], $row['details']);
    }

    public function testAMergeIsToldAsOneAndNotAsADeletion(): void
    {
        [$winner, $loser] = [new Lead(9), new Lead(4)];
        $this->merging->afterMerge(new LeadMergeEvent($winner, $loser));
        $this->contacts->onLeaving(new LeadEvent($loser));
        $loser->deletedId = 4;
        $this->contacts->onGone(new LeadEvent($loser));
        self::assertSame(['contact merged 4', 'contact changed 9'], $this->world->told());
    }

    public function testOnlyOwnChangesWithTheMarkAreLeftOut(): void
    {
        $save  = fn (int $id) => $this->contacts->onSave(new LeadEvent(new Lead($id), true));
        $cases = [
            ['ours', '/api/contacts/1/edit', '1'], // its own write: the only one that is left out
            ['ours', '/api/contacts/1/edit', '0'],
            ['theirs', '/api/contacts/1/edit', '1'],
            ['old', '/api/contacts/1/edit', '1'],
            ['', '/api/contacts/1/edit', '1'],
            ['ours', '/s/contacts/edit/1', '1'],
        ];
        foreach ($cases as $number => [$token, $path, $mark]) {
            $this->world->isCalledBy($token, $path, $mark);
            $save($number + 1);
        }
        self::assertSame(array_map(static fn (int $id): string => "contact changed $id", [2, 3, 4, 5, 6]), $this->world->told());
        $this->world->isCalledBy('ours');
        $this->merging->afterMerge(new LeadMergeEvent(new Lead(20), new Lead(21)));
        self::assertContains('contact merged 21', $this->world->told(), 'a merge is told whoever did it');
    }

    public function testWithoutANamedClientNobodyHides(): void
    {
        self::assertFalse(OwnWrite::isClient('', ''));
        $this->stand(new World(true, ['client_id' => '']));
        $this->world->isCalledBy('ours');
        $this->contacts->onSave(new LeadEvent(new Lead(1), true));
        self::assertSame(['contact changed 1'], $this->world->told());
    }

    public function testCompaniesAreToldWhenTheyChangeAndGo(): void
    {
        $listener = new CompanySubscriber($this->world->outbox, $this->world->caller);
        $company  = new Company(3);
        $listener->onSave(new CompanyEvent($company, false, []));
        $listener->onSave(new CompanyEvent($company, false, ['companycity' => ['a', 'b']]));
        [$company->deletedId, $company->id] = [3, null];
        $listener->onGone(new CompanyEvent($company));
        self::assertSame(['company changed 3', 'company deleted 3'], $this->world->told());
    }

    public function testTheSurvivorKeepsOptOutsStageUtmAndStageLogOfWhoGoes(): void
    {
        [$winner, $loser, $stage] = [new Lead(9), new Lead(4), new \stdClass()];
        $winner->entries          = ['email' => new Entry('email', 3, 'by hand', '2026-05-05'), 'push' => new Entry('push', 1, 'own word', '2026-05-05')];
        $loser->entries           = [
            'email' => new Entry('email', 1, 'unsubscribed', '2025-01-01'),
            'sms'   => new Entry('sms', 2, 'no such number', '2025-02-02'),
            'push'  => new Entry('push', 3, 'by hand', '2025-03-03'),
        ];
        $loser->entries['email']->channelId = 12;
        $loser->stage                       = $stage;
        $this->merging->beforeMerge(new LeadMergeEvent($winner, $loser));
        $kept = array_map(static fn (Entry $each): array => [$each->reason, $each->comments, $each->channelId, $each->dateAdded->format('Y-m-d')], $winner->entries);
        ksort($kept);
        self::assertSame([
            'email' => [1, 'unsubscribed', 12, '2025-01-01'],
            'push'  => [1, 'own word', null, '2026-05-05'],
            'sms'   => [2, 'no such number', null, '2025-02-02'],
        ], $kept);
        self::assertSame($stage, $winner->stage);

        $this->world->connection->executeStatement("INSERT INTO mtc_lead_utmtags (lead_id, utm_source, date_added) VALUES (4, 'news', '2025-01-01')");
        $this->world->connection->executeStatement("INSERT INTO mtc_lead_stages_change_log (lead_id, stage_id, event_name, action_name, date_added) VALUES (4, 2, 'a', 'b', '2025-01-01')");
        $this->merging->afterMerge(new LeadMergeEvent($winner, $loser));
        self::assertSame(['4 news', '9 news'], array_map(static fn (array $row): string => "{$row['lead_id']} {$row['utm_source']}", $this->world->connection->fetchAllAssociative('SELECT * FROM mtc_lead_utmtags')));
        self::assertSame(1, (int) $this->world->connection->fetchOne('SELECT COUNT(*) FROM mtc_lead_stages_change_log WHERE lead_id = 9 AND stage_id = 2'));
    }

    public function testSwitchedOffTheRepairLeavesMergesToMautic(): void
    {
        $this->stand(new World(true, ['repair_merges' => 0]));
        [$winner, $loser] = [new Lead(9), new Lead(4)];
        $loser->entries   = ['email' => new Entry('email', 1)];
        $this->merging->beforeMerge(new LeadMergeEvent($winner, $loser));
        $this->merging->afterMerge(new LeadMergeEvent($winner, $loser));
        self::assertSame([], $winner->entries);
        self::assertSame(['contact merged 4', 'contact changed 9'], $this->world->told());
    }

    public function testAnEntryIsOnlyReplacedByAStrongerOne(): void
    {
        [$unsubscribed, $bounced, $byHand] = [1, 2, 3];
        $order = [$unsubscribed, $byHand, $bounced];
        foreach ($order as $strength => $own) {
            foreach ($order as $other => $theirs) {
                self::assertSame($other < $strength, DoNotContactRepair::takesOver($own, $theirs), "$own against $theirs");
            }
            self::assertTrue(DoNotContactRepair::takesOver(null, $own));
        }
    }
}
