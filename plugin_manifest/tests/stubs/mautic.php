<?php

declare(strict_types=1);

// Of Mautic: only the names and methods that the bundle uses, with the signatures of 5.1.1.

namespace Mautic\CoreBundle\Helper {
    class EncryptionHelper
    {
        public function decrypt($data, $mainDecryptOnly = false)
        {
            return unserialize(base64_decode(explode('|', $data)[0]));
        }
    }

    class UserHelper
    {
        public function __construct(private object $user)
        {
        }

        public function getUser(): object
        {
            return $this->user;
        }
    }
}

namespace Mautic\CoreBundle\Security\Permissions {
    class CorePermissions
    {
        public function __construct(private array $granted)
        {
        }

        public function isGranted($requestedPermission, $mode = 'MATCH_ALL', $userEntity = null, $allowUnknown = false)
        {
            $found = array_intersect((array) $requestedPermission, $this->granted);

            return 'MATCH_ONE' === $mode ? [] !== $found : count($found) === count((array) $requestedPermission);
        }
    }
}

namespace Mautic\LeadBundle {
    final class LeadEvents
    {
        public const LEAD_POST_SAVE = 'mautic.lead_post_save';
        public const LEAD_COMPANY_CHANGE = 'mautic.lead_company_change';
        public const LEAD_LIST_CHANGE = 'mautic.lead_list_change';
        public const LEAD_LIST_BATCH_CHANGE = 'mautic.lead_list_batch_change';
        public const LEAD_PRE_DELETE = 'mautic.lead_pre_delete';
        public const LEAD_POST_DELETE = 'mautic.lead_post_delete';
        public const LEAD_PRE_MERGE = 'mautic.lead_pre_merge';
        public const LEAD_POST_MERGE = 'mautic.lead_post_merge';
        public const CHANNEL_SUBSCRIPTION_CHANGED = 'mautic.lead_channel_subscription_changed';
        public const COMPANY_POST_SAVE = 'mautic.company_post_save';
        public const COMPANY_POST_DELETE = 'mautic.company_post_delete';
    }
}

namespace Mautic\LeadBundle\Entity {
    class DoNotContact
    {
        public const UNSUBSCRIBED = 1;
        public ?int $channelId = null;
        public ?\DateTimeInterface $dateAdded = null;

        public function __construct(public string $channel = '', public int $reason = 0, public ?string $comments = null, ?string $date = null)
        {
            $this->dateAdded = null === $date ? null : new \DateTimeImmutable($date);
        }

        public function getChannel()
        {
            return $this->channel;
        }

        public function getReason()
        {
            return $this->reason;
        }

        public function getComments()
        {
            return $this->comments;
        }

        public function getChannelId()
        {
            return $this->channelId;
        }

        public function setChannelId($channelId)
        {
            $this->channelId = $channelId;
        }

        public function getDateAdded()
        {
            return $this->dateAdded;
        }

        public function setDateAdded(\DateTime $dateAdded)
        {
            $this->dateAdded = $dateAdded;
        }
    }

    class Lead
    {
        public $deletedId;
        public ?object $stage = null;
        public array $entries = [];

        public function __construct(public ?int $id = null, public ?string $email = null)
        {
        }

        public function getId()
        {
            return $this->id;
        }

        public function getEmail()
        {
            return $this->email;
        }

        public function getStage()
        {
            return $this->stage;
        }

        public function setStage(?object $stage = null)
        {
            $this->stage = $stage;
        }

        public function getDoNotContact(): \ArrayObject
        {
            return new class($this->entries) extends \ArrayObject {
                public function toArray(): array
                {
                    return $this->getArrayCopy();
                }
            };
        }

        public function addDoNotContactEntry(DoNotContact $entry)
        {
            $this->entries[$entry->getChannel()] = $entry;
        }

        public function removeDoNotContactEntry(DoNotContact $entry): void
        {
            $this->entries = array_filter($this->entries, static fn ($each) => $each !== $entry);
        }
    }

    class Company
    {
        public $deletedId;

        public function __construct(public ?int $id = null)
        {
        }

        public function getId()
        {
            return $this->id;
        }
    }
}

namespace Mautic\LeadBundle\Model {
    use Mautic\LeadBundle\Entity\DoNotContact as Entry;
    use Mautic\LeadBundle\Entity\Lead;

    class DoNotContact
    {
        public function createDncRecord(Lead $contact, $channel, $reason, $comments = null): Entry
        {
            $entry = new Entry($channel, $reason, $comments, 'now');
            $contact->addDoNotContactEntry($entry);

            return $entry;
        }

        public function updateDncRecord(Entry $dnc, Lead $contact, $channel, $reason, $comments = null): void
        {
            [$dnc->channel, $dnc->reason, $dnc->comments] = [$channel, $reason, $comments];
            $contact->addDoNotContactEntry($dnc);
        }
    }
}

namespace Mautic\LeadBundle\Event {
    use Mautic\LeadBundle\Entity\Company;
    use Mautic\LeadBundle\Entity\Lead;

    class LeadEvent
    {
        public function __construct(private Lead $lead, private bool $isNew = false, private array $changes = [])
        {
        }

        public function getLead()
        {
            return $this->lead;
        }

        public function isNew()
        {
            return $this->isNew;
        }

        public function getChanges()
        {
            return $this->changes;
        }
    }

    class CompanyEvent
    {
        public function __construct(private Company $company, private bool $isNew = false, private array $changes = [])
        {
        }

        public function getCompany()
        {
            return $this->company;
        }

        public function isNew()
        {
            return $this->isNew;
        }

        public function getChanges()
        {
            return $this->changes;
        }
    }

    class LeadMergeEvent
    {
        public function __construct(private Lead $victor, private Lead $loser)
        {
        }

        public function getVictor()
        {
            return $this->victor;
        }

        public function getLoser()
        {
            return $this->loser;
        }
    }

    /** As in Mautic: an event of many contacts has no single one, and asking for it is an error. */
    class ListChangeEvent
    {
        private ?Lead $lead;
        private ?array $leads = null;

        public function __construct(Lead|array $leads)
        {
            is_array($leads) ? $this->leads = $leads : $this->lead = $leads;
        }

        public function getLead()
        {
            return $this->lead;
        }

        public function getLeads()
        {
            return $this->leads;
        }
    }

    class LeadChangeCompanyEvent extends ListChangeEvent
    {
    }

    class ChannelSubscriptionChange
    {
        public function __construct(private Lead $lead)
        {
        }

        public function getLead()
        {
            return $this->lead;
        }
    }
}
