<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Core;

/** How a contact is to be pushed: as what, and into which Salesforce campaign. Null leaves the choice to the sidecar. */
final class PushChoice
{
    /** Ids of Salesforce campaigns begin so and have 15 or 18 characters. */
    public const CAMPAIGN_ID = '/^701[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?$/D';
    public const LONGEST_STATUS = 40;

    private function __construct(
        public readonly ?string $as = null,
        public readonly ?string $campaignId = null,
        public readonly ?string $memberStatus = null,
    ) {
    }

    /** @param mixed[] $config what an action's form saved */
    public static function fromConfig(array $config): self
    {
        $as         = self::text($config, 'as');
        $campaignId = self::text($config, 'campaign_id');
        $campaignId = 1 === preg_match(self::CAMPAIGN_ID, $campaignId) ? $campaignId : null;
        $status     = mb_substr(self::text($config, 'member_status'), 0, self::LONGEST_STATUS);

        return new self(
            in_array($as, ['Lead', 'Contact'], true) ? $as : null,
            $campaignId,
            null === $campaignId || '' === $status ? null : $status,
        );
    }

    public static function ofTheSidecar(): self
    {
        return new self();
    }

    /** @return array{as: ?string, campaign_id: ?string, member_status: ?string} */
    public function toArray(): array
    {
        return ['as' => $this->as, 'campaign_id' => $this->campaignId, 'member_status' => $this->memberStatus];
    }

    /** @param mixed[] $config */
    private static function text(array $config, string $name): string
    {
        return is_scalar($config[$name] ?? null) ? trim((string) $config[$name]) : '';
    }
}
